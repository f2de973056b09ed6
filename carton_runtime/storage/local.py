"""Files of this machine."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import Source


class LocalFile(Source):
    """A file. It is opened for each read and not held, and must stay the same from the first look on.

    Args:
        path: where it is.
        follow_links: whether it may be a symlink.
    """

    def __init__(self, path: Path, *, follow_links: bool = True) -> None:
        self.path = path
        self._follow_links = follow_links
        self.name = str(path)
        self._known: os.stat_result | None = None

    async def size(self) -> int:
        """How many bytes the file has."""
        return (await asyncio.to_thread(self._first_look)).st_size

    async def identity(self) -> str:
        """Its device, inode, size and time of change."""
        return "-".join(map(str, _identity(await asyncio.to_thread(self._first_look))))

    async def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`."""
        return await asyncio.to_thread(self._read, start, length)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _first_look(self) -> os.stat_result:
        if self._known is None:
            try:
                found = self.path.stat(follow_symlinks=self._follow_links)
            except OSError as error:
                raise StorageError(f"{self.path} cannot be read: {error.strerror}") from error
            if not stat.S_ISREG(found.st_mode):
                raise StorageError(f"{self.path} cannot be read: it is no file, but a pipe, a device or a link")
            self._known = found
        return self._known

    def _read(self, start: int, length: int) -> bytes:
        try:
            with open(self.path, "rb", buffering=0, opener=self._opener) as file:
                if _identity(os.fstat(file.fileno())) != _identity(self._first_look()):
                    raise StorageError(f"{self.path} changed while it was read; start again")
                file.seek(start)
                return self._read_all(file.fileno(), length)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{self.path} cannot be read: {error.strerror}") from error

    def _opener(self, path: str, flags: int) -> int:
        # Another process may have put a pipe there since, and waiting for its other end would never end
        return os.open(path, flags | os.O_NONBLOCK | (0 if self._follow_links else os.O_NOFOLLOW))

    def _read_all(self, descriptor: int, length: int) -> bytes:
        pieces = []
        while length and (piece := os.read(descriptor, length)):
            pieces.append(piece)
            length -= len(piece)
        if length:
            raise StorageError(f"{self.path} ends {length} bytes early")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
