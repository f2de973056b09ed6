"""Archives made by hand, and what was read of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import settings
from raw_zips import RawEntry, RawZip, compressed

from carton_runtime.format.archive import Range, Reading, ZipEntry, ZipIndex, drive, read_entry, read_index
from carton_runtime.format.limits import Limits

# How long one example takes says more about a busy machine than about this package
settings.register_profile("format", deadline=None)
settings.load_profile("format")

T = TypeVar("T")


class Opened:
    """An archive in memory, and the ranges that were read of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.ranges: list[Range] = []

    def fetch(self, wanted: Range) -> bytes:
        self.ranges.append(wanted)
        return self.data[wanted.start : wanted.stop]

    def index(self, **options: int | Limits) -> ZipIndex:
        return drive(read_index(self.size, **options), self.fetch)

    def read(self, name: str) -> bytes:
        return self.run_entry(self.index().entries[name])

    def run_entry(self, entry: ZipEntry) -> bytes:
        return self.run(read_entry(entry))

    def run(self, reading: Reading[T]) -> T:
        return drive(reading, self.fetch)


@pytest.fixture(scope="session")
def raw_entry() -> type[RawEntry]:
    return RawEntry


@pytest.fixture(scope="session")
def opened() -> type[Opened]:
    return Opened


@pytest.fixture(scope="session")
def archive_of() -> Callable[..., Opened]:
    """Makes an archive of entries; keywords are those of `RawZip`."""

    def make(*entries: RawEntry, **options: object) -> Opened:
        return Opened(RawZip(list(entries), **options).build())

    return make


@pytest.fixture(scope="session")
def compress() -> Callable[[bytes, int], bytes]:
    return compressed
