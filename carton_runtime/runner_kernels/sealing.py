"""Inputs that a kernel keeps: counted, and released when nobody can use them any more."""

from __future__ import annotations

import time
from collections import deque

LIFETIME = 600.0
"""Seconds after which sealed inputs that were not used are released."""


class SealedInputs:
    """The handles of one kernel.

    `add`, `take` and `forget` may be called from any thread, `forget` even by the garbage collector.
    """

    def __init__(self) -> None:
        self._deadlines: dict[int, float] = {}
        self._forgotten: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._deadlines)

    def add(self, handle: int) -> None:
        """The kernel keeps inputs under `handle`."""
        self._deadlines[handle] = time.monotonic() + LIFETIME

    def take(self, handle: int) -> None:
        """The handle is used: the kernel sees to it from here on."""
        self._deadlines.pop(handle, None)

    def forget(self, handle: int) -> None:
        """Nobody holds the handle any more."""
        self._forgotten.append(handle)

    def to_release(self) -> list[int]:
        """The handles to release now: those that were forgotten unused, and those whose time is over."""
        now = time.monotonic()
        due = [handle for handle, deadline in list(self._deadlines.items()) if deadline < now]
        while self._forgotten:
            due.append(self._forgotten.popleft())
        return [handle for handle in due if self._deadlines.pop(handle, None) is not None]
