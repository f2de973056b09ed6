"""What all sources far away have in common: few questions, since each costs a round trip."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import Source, Span
from carton_runtime.storage.spans import cut, merged
from carton_runtime.storage.together import together

TAIL = 1 << 17
"""Bytes that the first look brings along: what describes a carton, of one with up to about a thousand files."""

GAP = 1 << 14
"""Bytes that are not worth a request of their own."""

_AT_ONCE = 8  # more connections than this gain nothing, and servers begin to refuse them


@dataclass(frozen=True)
class Look:
    """What the first look brings.

    Attributes:
        size: how many bytes there are.
        identity: as `Source.identity` has it.
        tail: the last of them, as many as came along.
    """

    size: int
    identity: str
    tail: bytes

    @property
    def tail_start(self) -> int:
        """The offset of the tail."""
        return self.size - len(self.tail)


class RemoteSource(Source):
    """Bytes far away. The first look brings the last of them along, which are kept; others are asked for in few ranges.

    Args:
        name: where they are, for messages; without credentials.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._seen: Look | None = None
        self._looking = asyncio.Lock()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @abstractmethod
    async def _first_look(self) -> Look:
        """Look at the bytes for the first time.

        Raises:
            StorageError: there is nothing there, or it may not be read.
        """

    @abstractmethod
    def _fetch(self, span: Span) -> AsyncGenerator[bytes, None]:
        """The bytes of a span that is neither empty nor beyond the end, in pieces of at most `PIECE` bytes.

        Raises:
            StorageError: they changed, or reading failed for good.
        """

    async def size(self) -> int:
        """How many bytes there are."""
        return (await self._look()).size

    async def identity(self) -> str:
        """What tells these bytes from others that were, or will be, in the same place."""
        return (await self._look()).identity

    async def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`."""
        (data,) = await self.read_ranges([Span(start, length)])
        return data

    async def read_ranges(self, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span."""
        look = await self._look()
        for span in spans:
            self._check(span, look)
        far = merged((_before(span, look.tail_start) for span in spans), GAP)
        pieces = [*zip([span.start for span in far], await self._fetch_all(far), strict=True)]
        pieces.append((look.tail_start, look.tail))
        return [cut(span, pieces) for span in spans]

    def far_part(self, span: Span) -> Span:
        """The part of a span that did not come with the first look."""
        return span if self._seen is None else _before(span, self._seen.tail_start)

    async def stream(self, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Exactly `length` bytes from `start`, in pieces."""
        look = await self._look()
        span = Span(start, length)
        self._check(span, look)
        far = _before(span, look.tail_start)
        if far.length:
            async with aclosing(self._fetch(far)) as pieces:
                async for piece in pieces:
                    yield piece
        if near := cut(span, [(look.tail_start, look.tail)]):
            yield near

    async def _look(self) -> Look:
        async with self._looking:
            if self._seen is None:
                self._seen = await self._first_look()
            return self._seen

    def _check(self, span: Span, look: Look) -> None:
        if span.stop > look.size:
            raise StorageError(f"{self.name} ends {span.stop - look.size} bytes early")

    async def _fetch_all(self, spans: Sequence[Span]) -> list[bytes]:
        return await together((self._fetch_one(span) for span in spans), self._slots)

    async def _fetch_one(self, span: Span) -> bytes:
        async with aclosing(self._fetch(span)) as pieces:
            return b"".join([piece async for piece in pieces])


def _before(span: Span, offset: int) -> Span:
    """The part of a span that lies before an offset."""
    return Span(span.start, max(min(span.stop, offset) - span.start, 0))
