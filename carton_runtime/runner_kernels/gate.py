"""How many calls may be on their way to a kernel; who comes when there are so many waits outside, in order.

Nothing is counted here that an interrupt could lose: how many are inside is asked of those who know, and whoever waits
is known only for as long as she holds her ticket.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

from carton_runtime.background import TICK
from carton_runtime.runner_kernels.waking import thread_safe_waker


class Gate:
    """Callers of any thread and any event loop wait at it while so many are inside.

    The limit keeps memory within bounds, and is no exact number: threads that come at the same moment may all enter.

    Args:
        limit: how many may be inside.
        inside: how many are.
    """

    def __init__(self, limit: int, inside: Callable[[], int]) -> None:
        self._limit = limit
        self._inside = inside
        self._lock = threading.Lock()
        self._waiting: deque[weakref.ref[_Ticket]] = deque()
        self._called: list[weakref.ref[_Ticket]] = []  # and not through the gate yet

    @property
    def is_open(self) -> bool:
        """Whether one may enter without waiting: by opening a call."""
        return not self._waiting and not self._called and self._inside() < self._limit

    async def enter(self) -> None:
        """Wait in the running loop until it is one's turn."""
        ticket = _Ticket()
        loop = asyncio.get_running_loop()
        try:
            self._queue(ticket)
            while not ticket.is_called:
                waiter: asyncio.Future[None] = loop.create_future()
                ticket.wake = thread_safe_waker(loop, waiter)
                if not ticket.is_called:
                    await asyncio.wait({waiter}, timeout=TICK)
                self.let_in()
        except BaseException:
            self._drop(ticket)
            self.let_in()  # it may have been her turn
            raise
        self._drop(ticket)

    def enter_blocking(self, timeout: float | None = None) -> bool:
        """Wait in this thread until it is one's turn; whether that came within `timeout` seconds."""
        ticket, bell = _Ticket(), threading.Event()
        ticket.wake = bell.set
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        try:
            self._queue(ticket)
            while not ticket.is_called:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                bell.wait(min(TICK, left))
                self.let_in()
        except BaseException:
            self._drop(ticket)
            self.let_in()  # it may have been her turn
            raise
        self._drop(ticket)
        if not ticket.is_called:
            self.let_in()  # it may be her turn by now
        return ticket.is_called

    def let_in(self) -> None:
        """Call those who wait, as many as there is room for."""
        if not (self._waiting or self._called):
            return  # as good as always
        with self._lock:
            self._called = [ticket for ticket in self._called if ticket() is not None]
            while self._waiting and self._inside() + len(self._called) < self._limit:
                self._call(self._waiting.popleft())

    def _queue(self, ticket: _Ticket) -> None:
        with self._lock:
            self._waiting.append(weakref.ref(ticket))
        self.let_in()

    def _call(self, known: weakref.ref[_Ticket]) -> None:
        ticket = known()
        if ticket is not None:
            self._called.append(known)
            ticket.call()

    def _drop(self, ticket: _Ticket) -> None:
        """Its owner goes in now, or will not wait any more."""
        with self._lock:
            self._called = [known for known in self._called if known() is not ticket]
            with contextlib.suppress(ValueError):  # called already, or not even queued
                self._waiting.remove(weakref.ref(ticket))


class _Ticket:
    """Of one who waits."""

    def __init__(self) -> None:
        self.is_called = False
        self.wake: Callable[[], object] | None = None

    def call(self) -> None:
        self.is_called = True
        if self.wake is not None:
            self.wake()
