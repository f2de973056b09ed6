"""Callers who have looked for their replies long enough wait here: in their own event loop, or in ``poll(2)``.

One of those who wait reads for all, and wakes whoever has a reply (`carton_runtime.runner_kernels.waking`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from time import perf_counter
from typing import Protocol

from carton_runtime.background import TICK
from carton_runtime.runner_kernels.interrupts import Uninterrupted
from carton_runtime.runner_kernels.place import Place
from carton_runtime.runner_kernels.waking import doorbells, resolve, thread_safe_waker


class Watched(Protocol):
    """What callers wait for."""

    @property
    def incoming(self) -> int:
        """The descriptor that is readable when something is there; -1 after the end."""

    def pump(self) -> None:
        """Take in what is there."""


class LoopReader:
    """Watches a connection for one event loop while callers are parked there.

    Through a descriptor of its own, so that the loop never watches a number that was closed and given to something
    else.

    Attributes:
        waiters: of the callers who are parked; no number, which an interrupt could lose count of.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, watched: Watched) -> None:
        self.waiters: set[asyncio.Future[None]] = set()
        self._loop = loop
        self._watched = watched
        self._descriptor = _duplicate(watched.incoming)
        if self._descriptor is not None:
            # Or of a loop that was closed with callers in it; one that runs has our `_readable`, and with it this.
            self._close = weakref.finalize(self, os.close, self._descriptor)
            self._close.atexit = False
            loop.add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        self._watched.pump()
        # It would be readable for ever; or an interrupt hit who unparks.
        if self._watched.incoming < 0 or not self.waiters:
            with Uninterrupted():
                self.close()

    @property
    def is_closed(self) -> bool:
        """Whether it does not watch any more, or never did."""
        return self._descriptor is None

    def close(self) -> None:
        """Stop watching. Not to be interrupted."""
        if self._descriptor is not None:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._descriptor)
            self._close()
            self._descriptor = None


def _duplicate(descriptor: int) -> int | None:
    with contextlib.suppress(OSError):  # none is left, or it was closed this moment: the next tick looks again
        return None if descriptor < 0 else os.dup(descriptor)
    return None


class Parking:
    """Where the callers of one kernel wait, of whatever thread and event loop.

    Args:
        watched: what they wait for; read whenever something is there.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._readers: dict[asyncio.AbstractEventLoop, LoopReader] = {}

    async def park(self, place: Place) -> None:
        """Wait in the running loop until a reply is in `place`, or until the next tick: look there again then."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        place.wake = thread_safe_waker(loop, waiter)
        tick = loop.call_later(TICK, resolve, waiter)
        leaving = Uninterrupted()
        try:
            self._reader_in(loop).waiters.add(waiter)
            if not place.settled:
                await waiter
        finally:
            with leaving:
                place.wake = None
                tick.cancel()
                # Once the caller has her reply: it costs as much as half a call.
                with contextlib.suppress(RuntimeError):  # the loop was closed with her in it
                    loop.call_soon(self._unpark, loop, waiter)

    def park_blocking(self, place: Place, deadline: float | None) -> None:
        """Wait in this thread until a reply is in `place`, or until `deadline`, of `perf_counter`."""
        bell = doorbells.of_this_thread()
        place.wake = bell.ring
        try:
            while not place.settled:
                left = TICK if deadline is None else deadline - perf_counter()
                if left <= 0:
                    return
                bell.wait(self._watched.incoming, min(left, TICK))
                self._watched.pump()
        finally:
            place.wake = None

    def forget_closed_loops(self) -> None:
        """Called now and then: loops may be closed while callers are parked there, who then never leave."""
        for loop in [loop for loop in list(self._readers) if loop.is_closed()]:
            self._readers.pop(loop).close()

    def _reader_in(self, loop: asyncio.AbstractEventLoop) -> LoopReader:
        reader = self._readers.get(loop)
        if reader is None or reader.is_closed:
            with Uninterrupted():  # or nobody would close the descriptor that it watches
                reader = self._readers[loop] = LoopReader(loop, self._watched)
        return reader

    def _unpark(self, loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
        reader = self._readers.get(loop)
        if reader is None:
            return
        reader.waiters.discard(waiter)
        if not reader.waiters:
            with Uninterrupted():
                reader.close()
                del self._readers[loop]
