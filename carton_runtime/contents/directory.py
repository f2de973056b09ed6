"""A carton that is a directory: what a zip would hold, unpacked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from carton_runtime.contents.base import Contents
from carton_runtime.errors import FormatError, StorageError
from carton_runtime.format.archive import symlink_target
from carton_runtime.storage.local import LocalFile

_CHUNK = 1 << 20


class DirectoryContents(Contents):
    """The files below a directory."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root
        self._paths = tuple(_walk(root))

    @property
    def paths(self) -> Collection[str]:
        """All files and symlinks."""
        return self._paths

    def size(self, path: str) -> int:
        """How many bytes a file has."""
        return (self._root / path).lstat().st_size

    async def link_target(self, path: str) -> str | None:
        """The path that a symlink points to; `None` for a file."""
        file = self._root / path
        return symlink_target(path, os.fsencode(file.readlink())) if file.is_symlink() else None

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces."""
        source = LocalFile(self._root / path)
        size = await source.size()
        for start in range(0, size, _CHUNK):
            yield await source.read(start, min(_CHUNK, size - start))

    async def aclose(self) -> None:
        """Nothing is held."""


def _walk(root: Path) -> list[str]:
    found = []
    for folder, folders, files in os.walk(root, onerror=_refuse):
        for name in folders:
            if (Path(folder) / name).is_symlink():
                raise FormatError(f"{Path(folder) / name} is a link to a folder, which no carton holds")
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in files]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise StorageError(f"{error.filename} cannot be read: {error.strerror}") from error


async def open_directory(root: Path) -> DirectoryContents:
    """List the directory's files.

    Raises:
        FormatError: it holds a symlink to a folder.
        StorageError: a folder in it cannot be read.
    """
    return await asyncio.to_thread(DirectoryContents, root)
