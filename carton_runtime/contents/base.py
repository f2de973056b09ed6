"""What holds a carton's files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Sequence


class Contents(ABC):
    """The files of a carton by path, unchecked: `carton_runtime.contents.carton` compares them with the MANIFEST.

    Attributes:
        name: where they are, for messages.
    """

    name: str

    @property
    @abstractmethod
    def paths(self) -> Collection[str]:
        """All files and symlinks."""

    @abstractmethod
    def size(self, path: str) -> int:
        """How many bytes a file has."""

    @abstractmethod
    async def link_target(self, path: str) -> str | None:
        """The path that a symlink points to; `None` for a file.

        Raises:
            FormatError: it points out of the carton.
        """

    @abstractmethod
    def stream(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces of at most 1 MiB.

        Raises:
            FormatError: the archive is damaged there.
            StorageError: they cannot be read.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of what is held open."""

    async def read(self, path: str) -> bytes:
        """All bytes of a small file. Raises as `stream` does."""
        return b"".join([chunk async for chunk in self.stream(path)])

    async def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        """All bytes of several small files, asked for together where they are far away. Raises as `stream` does."""
        return {path: await self.read(path) for path in paths}
