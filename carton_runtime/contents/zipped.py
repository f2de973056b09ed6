"""A carton that is a zip."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from carton_runtime.contents.base import Contents
from carton_runtime.errors import FormatError
from carton_runtime.format.archive import (
    Decompressor,
    Method,
    Reading,
    ZipEntry,
    ZipIndex,
    data_start,
    read_descriptor,
    read_entry,
    read_glimpse,
    read_index,
    symlink_target,
)
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.storage.base import Source, Span
from carton_runtime.storage.delivery import Delivery
from carton_runtime.storage.local import LocalFile

T = TypeVar("T")

_CHUNK = 1 << 20
_SMALL = 1 << 18


class ZippedContents(Contents):
    """The entries of a zip, read by ranges."""

    def __init__(self, source: Source, index: ZipIndex, limits: Limits = DEFAULTS) -> None:
        self.name = source.name
        self.limits = limits
        self.is_local = isinstance(source, LocalFile)
        self._source = source
        self._index = index

    @classmethod
    async def open(cls, source: Source, limits: Limits = DEFAULTS) -> ZippedContents:
        """Read the zip's index.

        Raises:
            FormatError: it is no zip, or one that breaks the rules.
            StorageError: it cannot be read.
        """
        try:
            (index,) = await _drive([read_index(await source.size(), limits=limits)], source)
        except FormatError as error:
            refused = FormatError(f"{source.name} is no carton: {error}")
            refused.where, refused.line = error.where, error.line  # which the message of `error` has said
            raise refused from error
        return cls(source, index, limits)

    @classmethod
    async def glimpse(
        cls, source: Source, wanted: str, *, tail: int, head: int, without: str, limits: Limits
    ) -> Glimpsed:
        """Read some of the zip's index; see `carton_runtime.format.archive.read_glimpse`. Raises as `open` does."""
        size = await source.size()
        reading = read_glimpse(size, wanted, tail=tail, head=head, without=without, limits=limits)
        (seen,) = await _drive([reading], source)
        return Glimpsed(cls(source, ZipIndex(seen.entries), limits), seen.is_whole, seen.count, seen.asked)

    @property
    def paths(self) -> Collection[str]:
        """All files and symlinks."""
        return self._index.entries.keys()

    def size(self, path: str) -> int:
        """How many bytes a file has, expanded."""
        return self._index.entries[path].size

    def far_part(self, path: str) -> Span:
        """The bytes of a file's entry that somebody far away has to be asked for."""
        entry = self._index.entries[path]
        return self._source.far_part(Span(entry.header_offset, entry.limit - entry.header_offset))

    async def link_target(self, path: str) -> str | None:
        """The path that a symlink points to; `None` for a file."""
        entry = self._index.entries[path]
        return symlink_target(path, await self._read(entry), self.limits) if entry.is_symlink else None

    async def deliver(self, path: str) -> Delivery:
        """What brings a file: its entry, from the offset on from which it is wanted."""
        entry, source = self._index.entries[path], self._source
        if _is_small(entry):
            return Delivery(lambda offset: self._small(entry, offset), entry.size)
        (start,) = await _drive([data_start(entry)], source)
        await _drive([read_descriptor(entry, start)], source)
        return Delivery(
            stream=lambda offset: source.stream(start + offset, entry.compressed_size - offset),
            size=entry.compressed_size,
            expander=lambda: Decompressor(entry),
            form="" if entry.method is Method.STORED else f"{entry.method.name.lower()}-{entry.compressed_size}",
            is_far=not self.is_local,
        )

    async def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        """All bytes of several files; those of the small ones are asked for together."""
        small = [path for path in paths if _is_small(self._index.entries[path])]
        readings = [read_entry(self._index.entries[path]) for path in small]
        contents = dict(zip(small, await _drive(readings, self._source), strict=True))
        return {path: contents[path] if path in contents else await self.read(path) for path in paths}

    async def aclose(self) -> None:
        """Close the source."""
        await self._source.aclose()

    async def _read(self, entry: ZipEntry) -> bytes:
        (content,) = await _drive([read_entry(entry)], self._source)
        return content

    async def _small(self, entry: ZipEntry, offset: int) -> AsyncGenerator[bytes, None]:
        yield (await self._read(entry))[offset:]


@dataclass(frozen=True)
class Glimpsed:
    """Some of a zip's entries.

    Attributes:
        contents: those that were seen.
        is_whole: whether these are all.
        count: how many there are.
        asked: how many requests it took.
    """

    contents: ZippedContents
    is_whole: bool
    count: int
    asked: int


def _is_small(entry: ZipEntry) -> bool:
    return entry.compressed_size <= _SMALL and entry.size <= _CHUNK


async def _drive(readings: Sequence[Reading[T]], source: Source) -> list[T]:
    """Run readings in step with each other, so that what all of them need next is asked for at once."""
    done: dict[int, T] = {}
    answers: dict[int, bytes | None] = dict.fromkeys(range(len(readings)))
    while answers:
        wanted: dict[int, Span] = {}
        for number, data in answers.items():
            try:
                # A generator that has not begun takes None and nothing else, which its type cannot say.
                asked = readings[number].send(data)  # type: ignore[arg-type]
                wanted[number] = Span(asked.start, asked.length)
            except StopIteration as finished:
                done[number] = finished.value
        answers = dict(zip(wanted, await source.read_ranges(list(wanted.values())), strict=True))
    return [done[number] for number in range(len(readings))]
