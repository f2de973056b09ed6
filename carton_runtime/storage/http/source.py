"""A file on a web server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Span
from carton_runtime.storage.http.answers import CHANGED, OK, PARTIAL, Version, describe
from carton_runtime.storage.http.asking import Asking, Received, header_of
from carton_runtime.storage.http.whole import WholeFile, check_size, is_too_large
from carton_runtime.storage.remote import TAIL, Look, RemoteSource
from carton_runtime.storage.retrying import Attempts, RetryPolicy, Trouble, attempted
from carton_runtime.storage.spans import cut

_POLICY = RetryPolicy()


class HttpSource(RemoteSource):
    """A file behind an ``http:`` or ``https:`` URL.

    One request with a suffix range tells size and version and brings the tail. All others ask for that very version. A
    server that gives no ranges is asked for the whole file where that is small; a large one can then only be streamed.

    Args:
        url: where it is.
        policy: how long to wait, and how often to try.
        encoded: whether the bytes may be compressed; what is read is then what travels, and `encoding` says how.

    Raises:
        StorageError: it is no such URL.
    """

    def __init__(self, url: str, policy: RetryPolicy = _POLICY, *, encoded: bool = False) -> None:
        self._asking = Asking(url, policy, encoded=encoded)
        super().__init__(self._asking.name)
        self._policy = policy
        self._gives_ranges = True
        self._whole: WholeFile | None = None
        self._taking = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connections, and forget the file if it was taken whole."""
        await self._asking.aclose()
        if self._whole is not None:
            self._whole.close()
            self._whole = None

    async def read_ranges(self, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span."""
        size = await self.size()
        if not self._gives_ranges:
            check_size(size, self.name)
        return await super().read_ranges(spans)

    async def encoding(self) -> str:
        """How the bytes are compressed; empty when they are not. Raises as `size` does."""
        await self.size()
        version = self._asking.version
        return version.encoding if version else ""

    async def _first_look(self) -> Look:
        return await attempted(self._look_once, self._policy, self.name)

    async def _look_once(self) -> Look:
        where = f"{self.name} (the last {TAIL} bytes)"
        async with self._asking.ask(f"bytes=-{TAIL}", where) as received:
            answer = received.answer
            if answer.status == PARTIAL and answer.span and answer.span.stop == answer.total:
                return await self._look_at_tail(received, answer.span)
            if answer.status == OK and (answer.length is None or answer.length <= TAIL):
                return await self._look_at_whole(received)
            size = answer.length if answer.status == OK else answer.total
        if size is None or answer.status == CHANGED:
            raise StorageError(f"{where}: the server does not give this range, nor say how many bytes there are")
        if size == 0:
            return self._seen_as(received, b"", 0)
        return await self._look_without_suffix(Span(max(size - TAIL, 0), min(size, TAIL)))

    async def _look_without_suffix(self, tail: Span) -> Look:
        """Some servers know ranges, and no suffixes or other ones than meant: Azure's among them."""
        async with self._asking.ask(header_of(tail), self._asking.where(tail)) as received:
            if received.answer.status == OK:
                return await self._look_at_whole(received)
            return await self._look_at_tail(received, tail)

    async def _look_at_tail(self, received: Received, tail: Span) -> Look:
        part, size = received.answer.check_part(tail, received.where)
        if part != tail or part.stop != size:
            raise StorageError(f"{received.where}: the server sends {describe(part)} of {size}, which is not its end")
        data = b"".join([piece async for piece in received.pieces(tail.length)])
        return self._seen_as(received, data, size)

    async def _look_at_whole(self, received: Received) -> Look:
        self._gives_ranges = False
        length = received.answer.length
        if length is not None and is_too_large(length):
            return self._seen_as(received, b"", length)
        whole = await self._take(received)
        tail = whole.read(max(whole.size - TAIL, 0), TAIL)
        return self._seen_as(received, tail, whole.size)

    def _seen_as(self, received: Received, tail: bytes, size: int) -> Look:
        self._asking.version = received.answer.version(size)
        return Look(size, _identity(self._asking.version), tail)

    async def _fetch(self, span: Span) -> AsyncGenerator[bytes, None]:
        fetch = self._fetch_parts
        if not self._gives_ranges:
            fetch = self._fetch_passing if is_too_large(await self.size()) else self._fetch_from_whole
        async with aclosing(fetch(span)) as pieces:
            async for piece in pieces:
                yield piece

    async def _fetch_parts(self, span: Span) -> AsyncGenerator[bytes, None]:
        attempts = Attempts(self._policy, self._asking.where(span))
        while span.length:
            try:
                async with (
                    self._asking.ask_part(span) as (received, part),
                    aclosing(received.pieces(part.length)) as pieces,
                ):
                    async for piece in pieces:
                        span = Span(span.start + len(piece), span.length - len(piece))
                        attempts.progress(len(piece))
                        yield piece
            except Trouble as trouble:
                await attempts.failed(trouble)

    async def _fetch_passing(self, span: Span) -> AsyncGenerator[bytes, None]:
        """What comes before the span comes as well, each time, and is thrown away."""
        attempts = Attempts(self._policy, self._asking.where(span))
        while span.length:
            try:
                async with (
                    self._asking.ask(None, self._asking.where(span)) as received,
                    aclosing(received.pieces(await self.size())) as pieces,
                ):
                    position = 0
                    async for piece in pieces:
                        part = cut(span, [(position, piece)])
                        position += len(piece)
                        if part:
                            span = Span(span.start + len(part), span.length - len(part))
                            attempts.progress(len(part))
                            yield part
                        if not span.length:
                            return
            except Trouble as trouble:
                await attempts.failed(trouble)

    async def _fetch_from_whole(self, span: Span) -> AsyncGenerator[bytes, None]:
        async with self._taking:
            whole = self._whole
            if whole is None:
                whole = await attempted(self._take_again, self._policy, self.name)
        for start in range(span.start, span.stop, PIECE):
            yield await asyncio.to_thread(whole.read, start, min(PIECE, span.stop - start))

    async def _take_again(self) -> WholeFile:
        """Get what `aclose` let go of."""
        async with self._asking.ask(None, self.name) as received:
            return await self._take(received)

    async def _take(self, received: Received) -> WholeFile:
        length = received.answer.length
        check_size(length, self.name)
        whole = WholeFile()
        try:
            async with aclosing(received.pieces(length)) as pieces:
                await whole.fill(pieces, self.name)
        except BaseException:
            whole.close()
            raise
        self._whole = whole
        return whole


def _identity(version: Version) -> str:
    if not (version.etag or version.modified):
        return f"unknown-{uuid.uuid4()}"
    return f"{version.etag or version.modified}-{version.size}"
