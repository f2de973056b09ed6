"""Files of this machine."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import Source


class LocalFile(Source):
    """A file. It is opened for each read and not held, and must stay the same from the first look on."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
                self._known = self.path.stat()
            except OSError as error:
                raise StorageError(f"{self.path} cannot be read: {error.strerror}") from error
        return self._known

    def _read(self, start: int, length: int) -> bytes:
        try:
            with self.path.open("rb", buffering=0) as file:
                if _identity(os.fstat(file.fileno())) != _identity(self._first_look()):
                    raise StorageError(f"{self.path} changed while it was read; start again")
                file.seek(start)
                return self._read_all(file.fileno(), length)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{self.path} cannot be read: {error.strerror}") from error

    def _read_all(self, descriptor: int, length: int) -> bytes:
        pieces = []
        while length and (piece := os.read(descriptor, length)):
            pieces.append(piece)
            length -= len(piece)
        if length:
            raise StorageError(f"{self.path} ends {length} bytes early")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _identity(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
