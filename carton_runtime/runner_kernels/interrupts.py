"""Put off a `KeyboardInterrupt` for the few steps that must happen together."""

from __future__ import annotations

import _signal  # what `signal.signal` calls; that one also makes enums and reprs of handlers, for 25 µs each time
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Self

_Handler = Callable[[int, FrameType | None], Any] | int | None


def is_within(method: CodeType, owner: object) -> bool:
    """Whether this thread is in the middle of a method of `owner`, so that a signal handler or a finalizer asks."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the public ways copy the whole stack
    while frame is not None:
        if frame.f_code is method and frame.f_locals.get("self") is owner:
            return True
        frame = frame.f_back
    return False


def is_of_the_system(error: OSError) -> bool:
    """Whether it says what a system call said; a signal handler's own ``TimeoutError("too long")`` does not."""
    return error.errno is not None


class Uninterrupted:
    """In the main thread, SIGINT waits until the end of the ``with``; other threads are never interrupted.

    It costs two system calls: for a few steps that cannot be done again, such as to lend and to free shared memory. Not
    to be left by an exception that the same function handles.

    The handler of another signal may raise just before SIGINT has its own back. Our stand-in then passes on what it
    gets: it knows by the frame of the ``with``, which does not run any more.
    """

    _handler: _Handler = None  # nothing to put back
    _frame: FrameType | None = None  # of the `with`, while that lasts

    def __enter__(self) -> Self:
        self._struck: tuple[int, FrameType | None] | None = None
        if threading.current_thread() is threading.main_thread():
            handler = _present_handler()
            if handler is not None:  # else it is not Python's, and could not be put back
                self._handler = handler
                self._frame = sys._getframe(1)  # noqa: SLF001
                _signal.signal(_signal.SIGINT, self._strike)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handler is None:
            return
        _signal.signal(_signal.SIGINT, self._handler)
        self._frame = None
        if self._struck is not None and callable(self._handler):
            self._handler(*self._struck)

    def _strike(self, number: int, frame: FrameType | None) -> None:
        if self.is_over(frame):
            _signal.signal(_signal.SIGINT, self._handler)
            if callable(self._handler):
                self._handler(number, frame)
        else:
            self._struck = (number, frame)

    @property
    def handler(self) -> _Handler:
        """What it stands in for."""
        return self._handler

    def is_over(self, frame: FrameType | None) -> bool:
        """Whether the ``with`` has been left, as seen from a frame of the main thread."""
        while frame is not None:
            if frame is self._frame:
                return False
            frame = frame.f_back
        return True


def _present_handler() -> _Handler:
    """The handler of SIGINT; not one of ours that was left behind."""
    handler: _Handler = _signal.getsignal(_signal.SIGINT)
    ours = getattr(handler, "__self__", None)
    while isinstance(ours, Uninterrupted) and ours.is_over(sys._getframe(1)):  # noqa: SLF001
        handler = ours.handler
        ours = getattr(handler, "__self__", None)
    return handler
