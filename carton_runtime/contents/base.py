"""What holds a carton's files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing

from carton_runtime.format.limits import Limits
from carton_runtime.storage.base import Span
from carton_runtime.storage.delivery import Delivery


class Contents(ABC):
    """The files of a carton by path, unchecked: `carton_runtime.contents.carton` compares them with the MANIFEST.

    Attributes:
        name: where they are, for messages.
        limits: how much of everything is allowed.
        is_local: whether they are on this machine, and may name other files of it.
    """

    name: str
    limits: Limits
    is_local: bool

    @property
    @abstractmethod
    def paths(self) -> Collection[str]:
        """All files and symlinks."""

    @abstractmethod
    def size(self, path: str) -> int:
        """How many bytes a file has."""

    def far_part(self, path: str) -> Span:  # noqa: ARG002  it is for those that are far away
        """The bytes that somebody far away has to be asked for, so that a file can be read."""
        return Span(0, 0)

    @abstractmethod
    async def link_target(self, path: str) -> str | None:
        """The path that a symlink points to; `None` for a file.

        Raises:
            FormatError: it points out of the carton.
        """

    @abstractmethod
    async def deliver(self, path: str) -> Delivery:
        """What brings a file: all bytes of a file come this way, but for small ones that are read together.

        Raises:
            FormatError: the archive is damaged there.
            StorageError: it cannot be read.
        """

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces of at most 1 MiB. Raises as `deliver` does."""
        async with aclosing((await self.deliver(path)).expanded()) as pieces:
            async for piece in pieces:
                yield piece

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what is held open."""

    async def read(self, path: str) -> bytes:
        """All bytes of a small file. Raises as `stream` does, and `FormatError` when it is larger than is allowed."""
        self.check_size(path, "read_size")
        return b"".join([chunk async for chunk in self.stream(path)])

    async def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        """All bytes of several small files, asked for together where they are far away. Raises as `stream` does."""
        return {path: await self.read(path) for path in paths}

    def check_size(self, path: str, limit: str) -> None:
        """Check how large a file is before anything of it is read.

        Raises:
            FormatError: it has more bytes than `limit`, one of `limits`, allows.
        """
        if self.size(path) > getattr(self.limits, limit):
            raise self.limits.excess(limit, f"of {self.name} has {self.size(path):,} bytes", where=path)
