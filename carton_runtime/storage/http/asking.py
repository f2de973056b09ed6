"""Asks for ranges of one file: follows where it leads, and sees to it that all answers are of the same version."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Span
from carton_runtime.storage.http.answers import BEYOND, CHANGED, OK, PARTIAL, Answer, Version, describe
from carton_runtime.storage.http.connections import Connections, body
from carton_runtime.storage.http.route import MOST_REDIRECTS, Route
from carton_runtime.storage.retrying import RetryPolicy, Trouble

if TYPE_CHECKING:
    import httpx

_EXPIRED = frozenset({401, 403, 404, 410})  # what servers say of a link that was signed for a while


@dataclass(frozen=True)
class Received:
    """An answer whose body is still to be read, once.

    Attributes:
        answer: what it says about itself.
        where: URL and range, for messages.
    """

    answer: Answer
    where: str
    _response: httpx.Response

    async def pieces(self, length: int | None) -> AsyncGenerator[bytes, None]:
        """The body, in pieces of at most `PIECE` bytes; those that came before it broke off are given as well.

        Args:
            length: how many bytes it must have; `None` when that is not known.

        Raises:
            Trouble: it broke off.
            StorageError: it is longer.
        """
        got = 0
        async with (
            contextlib.aclosing(body(self._response)) as chunks,
            contextlib.aclosing(_gathered(chunks)) as pieces,
        ):
            async for piece in pieces:
                got += len(piece)
                if length is not None and got > length:
                    raise StorageError(f"{self.where}: the server sends more than the {length} bytes that it announced")
                yield piece
        if length is not None and got < length:
            raise Trouble(f"the server sent {got} of {length} bytes")


class Asking:
    """The questions to one server about one file.

    Args:
        url: where it is.
        policy: how long to wait.
        encoded: whether its bytes may be compressed.

    Attributes:
        name: the URL, for messages.
        version: the version that the first answer was of; all others must be of it too.
    """

    def __init__(self, url: str, policy: RetryPolicy, *, encoded: bool = False) -> None:
        self._encoded = encoded
        self._route = Route(url)
        self._connections = Connections(policy)
        self.name = self._route.name
        self.version: Version | None = None

    def where(self, span: Span) -> str:
        """URL and range, for messages."""
        return f"{self.name} ({describe(span)})"

    async def aclose(self) -> None:
        """Close the connections; further questions open them again."""
        await self._connections.aclose()

    @contextlib.asynccontextmanager
    async def ask(self, wanted: str | None, where: str) -> AsyncIterator[Received]:
        """Ask for a range, or for everything.

        Args:
            wanted: the range, as its header has it.
            where: URL and range, for messages.

        Raises:
            Trouble: no answer came.
            StorageError: the server will not give it, or the file is another one by now.
        """
        headers = {"Range": wanted} if wanted else {}
        if self.version is not None:
            headers |= self.version.condition
        async with self._at_its_end(headers, where) as response:
            answer = Answer.read(response.status_code, response.headers, where, encoded=self._encoded)
            self._check_version(answer)
            yield Received(answer, where, response)

    @contextlib.asynccontextmanager
    async def ask_part(self, span: Span) -> AsyncIterator[tuple[Received, Span]]:
        """Ask for a range of a file that was seen; gives the part of it that comes. Raises as `ask` does."""
        where = self.where(span)
        async with self.ask(header_of(span), where) as received:
            if received.answer.status == OK:
                raise Trouble("the server sends the whole file instead of a range")
            part, _ = received.answer.check_part(span, where)
            yield received, part

    @contextlib.asynccontextmanager
    async def _at_its_end(self, headers: dict[str, str], where: str) -> AsyncIterator[httpx.Response]:
        """The answer to a request, wherever that is sent on to."""
        route = self._route
        url = route.begin
        for _ in range(MOST_REDIRECTS + 1):
            async with self._connections.get(url, headers | route.headers(url)) as response:
                if route.is_learned and response.status_code in _EXPIRED:
                    route.forget()
                    following: httpx.URL | None = route.begin
                else:
                    following = route.next(url, response.status_code, response.headers)
                if following is None:
                    if response.status_code in (OK, PARTIAL):
                        route.remember(url)
                    yield response
                    return
            url = following
        raise StorageError(f"{where}: the server leads on more than {MOST_REDIRECTS} times")

    def _check_version(self, answer: Answer) -> None:
        if self.version is None:
            return
        total = answer.length if answer.status == OK else answer.total
        differs = total is not None and answer.version(total).differs(self.version)
        if answer.status in (CHANGED, BEYOND) or differs:
            raise StorageError(f"{self.name} changed while it was read; start again")


def header_of(span: Span) -> str:
    """A range, as its header has it."""
    return f"bytes={span.start}-{span.stop - 1}"


async def _gathered(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Larger pieces, of chunks as small as the network makes them; what came before an error is given before it."""
    waiting: list[bytes] = []
    size = 0
    try:
        async for chunk in chunks:
            for part in (chunk[start : start + PIECE] for start in range(0, len(chunk), PIECE)):
                if size + len(part) > PIECE:
                    yield b"".join(waiting)
                    waiting, size = [], 0
                waiting.append(part)
                size += len(part)
    except Trouble:
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)
