"""How many calls may be on their way to a kernel; who comes when there are so many waits outside, in order."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable

from carton_runtime.background import TICK
from carton_runtime.runner_kernels.parking import thread_safe_waker


class Gate:
    """A counter that callers of any thread and any event loop wait at.

    Args:
        limit: how many may be inside.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket] = deque()

    def try_enter(self) -> bool:
        """Enter, if nobody has to wait."""
        with self._lock:
            if self._free and not self._waiting:
                self._free -= 1
                return True
            return False

    async def enter(self) -> None:
        """Enter, waiting in the running loop."""
        ticket = self._queue()
        loop = asyncio.get_running_loop()
        try:
            while not ticket.is_called:
                waiter: asyncio.Future[None] = loop.create_future()
                ticket.wake = thread_safe_waker(loop, waiter)
                if not ticket.is_called:
                    await asyncio.wait({waiter}, timeout=TICK)
        except BaseException:
            self._give_up(ticket)
            raise

    def enter_blocking(self, timeout: float | None = None) -> None:
        """Enter, waiting in this thread; raises `TimeoutError` after `timeout` seconds."""
        ticket = self._queue()
        bell = threading.Event()
        ticket.wake = bell.set
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        try:
            while not ticket.is_called:
                bell.wait(min(TICK, _left_until(deadline)))
        except BaseException:
            self._give_up(ticket)
            raise

    def leave(self) -> None:
        """Let the next one in."""
        with self._lock:
            self._free += 1
            if self._waiting:
                self._call_next()

    def _queue(self) -> _Ticket:
        ticket = _Ticket()
        with self._lock:
            self._waiting.append(ticket)
            self._call_next()
        return ticket

    def _call_next(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().call()

    def _give_up(self, ticket: _Ticket) -> None:
        with self._lock:
            if not ticket.is_called:
                self._waiting.remove(ticket)
                return
            self._free += 1
            self._call_next()


def _left_until(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Ticket:
    def __init__(self) -> None:
        self.is_called = False
        self.wake: Callable[[], object] | None = None

    def call(self) -> None:
        self.is_called = True
        if self.wake is not None:
            self.wake()
