"""Work in threads that ends before what it works on is closed, whatever happens to whoever waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_BATCH = 4 << 20  # bytes that may wait while others are taken


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread; when cancelled, wait until it has ended, since it uses what the caller then closes."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await _ended(running)
        raise


class Pump:
    """Takes pieces as fast as they come: at once when nothing is being taken, and otherwise together with the next.

    Args:
        take: takes pieces; called again only when it is done.
    """

    def __init__(self, take: Callable[[list[bytes]], Awaitable[None]]) -> None:
        self._take = take
        self._waiting: list[bytes] = []
        self._size = 0
        self._room = asyncio.Event()
        self._work: asyncio.Future[None] | None = None

    async def put(self, piece: bytes) -> None:
        """Have a piece taken; waits only when much is waiting. Raises what `take` raised for an earlier one."""
        self._waiting.append(piece)
        self._size += len(piece)
        self._go_on()
        while self._size >= _BATCH:
            self._room.clear()
            await self._room.wait()
            self._go_on()

    async def flush(self) -> None:
        """Wait until all is taken. Raises what `take` raised."""
        self._go_on()
        while self._work is not None and not self._work.done():
            await asyncio.shield(self._work)
            self._go_on()

    async def ended(self) -> None:
        """Wait until nothing is being taken, however that went."""
        if self._work is not None:
            await _ended(self._work)

    def _go_on(self) -> None:
        if self._work is not None:
            if not self._work.done():
                return
            self._work.result()
        if self._waiting:
            self._work = asyncio.ensure_future(self._take_all())

    async def _take_all(self) -> None:
        try:
            while self._waiting:
                pieces, self._waiting, self._size = self._waiting, [], 0
                self._room.set()
                await self._take(pieces)
        finally:
            self._room.set()


async def _ended(running: asyncio.Future[T]) -> None:
    await asyncio.wait({running})
    if not running.cancelled():
        running.exception()  # nobody need hear of it
