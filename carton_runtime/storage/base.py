"""The seam behind which bytes live: things of a known size that ranges can be read from, and folders of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import NamedTuple

from carton_runtime.errors import StorageError

PIECE = 1 << 20
"""The most bytes in one piece of a stream."""


class Span(NamedTuple):
    """`length` bytes from `start` on."""

    start: int
    length: int

    @property
    def stop(self) -> int:
        """The offset after the last byte."""
        return self.start + self.length


class NotThereError(StorageError):
    """Nothing is where something was looked for."""


class Source(ABC):
    """Bytes somewhere, read by ranges.

    Reads may run at the same time, all of them in one event loop. A source that was closed opens itself again when it
    is read again, and its bytes must still be those that it saw first.

    Attributes:
        name: where they are, for messages; never holds credentials.
    """

    name: str

    @abstractmethod
    async def size(self) -> int:
        """How many bytes there are.

        Raises:
            StorageError: there is nothing there, or it may not be read.
        """

    @abstractmethod
    async def identity(self) -> str:
        """A text that changes whenever the bytes may have changed, and stays the same between processes otherwise.

        Where nothing tells whether the bytes have changed, no two sources have the same. Raises as `size` does.
        """

    @abstractmethod
    async def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`.

        Raises:
            StorageError: fewer are there, they changed since the first look, or reading failed for good.
        """

    async def read_ranges(self, spans: Sequence[Span]) -> list[bytes]:
        """The bytes of each span, in the order of `spans`; those that lie near each other may come in one request.

        Raises as `read` does.
        """
        return [await self.read(span.start, span.length) for span in spans]

    def far_part(self, span: Span) -> Span:
        """The part of a span that somebody far away has to be asked for; it is empty where all is at hand."""
        return Span(span.start, 0)

    async def stream(self, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Exactly `length` bytes from `start`, in order, in pieces of at most `PIECE` bytes, none of them empty.

        One that breaks off is taken up where it stopped, a bounded number of times. Leave it early through its
        ``aclose()`` (`contextlib.aclosing`), so that its connection does not wait for the garbage collector.

        Raises:
            StorageError: as `read` does; the pieces before are good.
        """
        for offset in range(start, start + length, PIECE):
            yield await self.read(offset, min(PIECE, start + length - offset))

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what is held open. May be called twice, and while nothing is being read."""


class Listed(NamedTuple):
    """A file of a folder.

    Attributes:
        path: where it is in the folder, as whoever keeps it says: *unchecked*.
        size: bytes in it.
        source: opens it, in the version that was listed where that can be told.
    """

    path: str
    size: int
    source: Callable[[], Source]


class Folder(ABC):
    """Files far away that lie together, all of them used in one event loop.

    Attributes:
        name: where they are, for messages; never holds credentials.
    """

    name: str

    @abstractmethod
    def entries(self) -> AsyncGenerator[Listed, None]:
        """All files below it, however deep, in any order. Leave it early through its ``aclose()``.

        Raises:
            StorageError: it may not be listed, or that failed for good.
        """

    @abstractmethod
    def file(self, path: str) -> Source:
        """A file below it, by a path that is safe; its first look raises `NotThereError` where there is none."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what is held open; its sources need no closing of their own. May be called twice."""
