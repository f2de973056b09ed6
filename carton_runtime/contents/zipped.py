"""A carton that is a zip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import TypeVar

from carton_runtime.contents.base import Contents
from carton_runtime.errors import FormatError
from carton_runtime.format.archive import (
    Decompressor,
    Reading,
    ZipEntry,
    ZipIndex,
    data_start,
    read_entry,
    read_index,
    symlink_target,
)
from carton_runtime.storage.base import Source

T = TypeVar("T")

_CHUNK = 1 << 20
_SMALL = 1 << 18


class ZippedContents(Contents):
    """The entries of a zip, read by ranges."""

    def __init__(self, source: Source, index: ZipIndex) -> None:
        self.name = source.name
        self._source = source
        self._index = index

    @classmethod
    async def open(cls, source: Source) -> ZippedContents:
        """Read the zip's index.

        Raises:
            FormatError: it is no zip, or one that breaks the rules.
            StorageError: it cannot be read.
        """
        try:
            index = await _drive(read_index(await source.size()), source)
        except FormatError as error:
            raise FormatError(f"{source.name} is no carton: {error}", where=error.where, line=error.line) from error
        return cls(source, index)

    @property
    def paths(self) -> Collection[str]:
        """All files and symlinks."""
        return self._index.entries.keys()

    def size(self, path: str) -> int:
        """How many bytes a file has, expanded."""
        return self._index.entries[path].size

    async def link_target(self, path: str) -> str | None:
        """The path that a symlink points to; `None` for a file."""
        entry = self._index.entries[path]
        return symlink_target(path, await self._read(entry)) if entry.is_symlink else None

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of a file in pieces."""
        entry = self._index.entries[path]
        if entry.compressed_size <= _SMALL and entry.size <= _CHUNK:
            yield await self._read(entry)
            return
        async for piece in self._stream(entry):
            yield piece

    async def aclose(self) -> None:
        """Close the source."""
        await self._source.aclose()

    async def _read(self, entry: ZipEntry) -> bytes:
        return await _drive(read_entry(entry), self._source)

    async def _stream(self, entry: ZipEntry) -> AsyncIterator[bytes]:
        start = await _drive(data_start(entry), self._source)
        decompressor = Decompressor(entry)
        for offset in range(0, entry.compressed_size, _CHUNK):
            chunk = await self._source.read(start + offset, min(_CHUNK, entry.compressed_size - offset))
            pieces = decompressor.feed(chunk)
            while piece := await asyncio.to_thread(next, pieces, b""):
                yield piece
        decompressor.finish()


async def _drive(reading: Reading[T], source: Source) -> T:
    try:
        wanted = next(reading)
        while True:
            wanted = reading.send(await source.read(wanted.start, wanted.length))
    except StopIteration as finished:
        value: T = finished.value
        return value
