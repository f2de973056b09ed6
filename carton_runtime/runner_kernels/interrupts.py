"""Put off a `KeyboardInterrupt` for the few steps that must happen together."""

from __future__ import annotations

import _signal  # what `signal.signal` calls; that one also makes enums and reprs of handlers, for 25 µs each time
import sys
import threading
from types import CodeType, FrameType
from typing import Self


def is_within(method: CodeType, owner: object) -> bool:
    """Whether this thread is in the middle of a method of `owner`, so that a signal handler or a finalizer asks."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the public ways copy the whole stack
    while frame is not None:
        if frame.f_code is method and frame.f_locals.get("self") is owner:
            return True
        frame = frame.f_back
    return False


class Uninterrupted:
    """In the main thread, SIGINT waits until the end of the ``with``; other threads are never interrupted.

    It costs two system calls: for steps that lend and free shared memory, which cannot be done again.
    """

    def __enter__(self) -> Self:
        self._struck: tuple[int, FrameType | None] | None = None
        self._handler = None
        if threading.current_thread() is threading.main_thread():
            self._handler = _signal.signal(_signal.SIGINT, self._strike)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handler is None:
            return
        _signal.signal(_signal.SIGINT, self._handler)
        if self._struck is not None and callable(self._handler):
            self._handler(*self._struck)

    def _strike(self, number: int, frame: FrameType | None) -> None:
        self._struck = (number, frame)
