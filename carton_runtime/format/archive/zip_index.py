"""The index of an archive: what its central directory lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.directory import Record, read_record
from carton_runtime.format.archive.end_records import END, find_directory
from carton_runtime.format.archive.entries import ZipEntry
from carton_runtime.format.archive.ranges import Range, Reading, ask
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import check_distinct

_LOCAL_HEADER = 30
_ANY_RATIO = 1 << 30  # so much may come of however little: an array of zeros, for one


@dataclass(frozen=True)
class ZipIndex:
    """What an archive holds: its files and symlinks by name, in the order of its directory. Folders are left out."""

    entries: Mapping[str, ZipEntry]


def read_index(size: int, tail: int = 65536, *, limits: Limits = DEFAULTS) -> Reading[ZipIndex]:
    """Read an archive's index, in one read of its tail and at most one of its directory.

    Args:
        size: bytes in the archive.
        tail: bytes to read first.
        limits: how much is allowed.

    Raises:
        FormatError: this is not a zip archive, it is cut short, or something in it is unsafe, contradicts something
            else, or is more than `limits` allow.
    """
    if size < END.size:
        raise FormatError(f"this is not a zip archive: it has only {size} bytes")
    start = max(0, size - max(tail, END.size))
    end = yield from ask(Range(start, size - start))
    directory = find_directory(end, start, limits)
    if directory.offset >= start:
        data = end[directory.offset - start : directory.offset - start + directory.size]
    else:
        data = yield from ask(Range(directory.offset, directory.size))
    return ZipIndex(_entries(_records(data, directory.count), directory.offset, size, limits))


def _records(data: bytes, count: int) -> list[Record]:
    records, offset = [], 0
    for _ in range(count):
        record, offset = read_record(data, offset)
        records.append(record)
    if offset != len(data):
        raise FormatError("the archive's directory holds more than the entries it counts")
    return records


def _entries(records: list[Record], directory: int, size: int, limits: Limits) -> dict[str, ZipEntry]:
    ends = _bounds(records, directory)
    entries: dict[str, ZipEntry] = {}
    for record in records:
        if record.is_directory:
            record.check_directory(limits)
            continue
        entry = record.entry(limits, ends[record.header_offset])
        if entry.name in entries:
            raise FormatError("is in the archive twice", where=entry.name)
        entries[entry.name] = entry
    _check_total(entries, size, limits)
    check_distinct(entries)
    return entries


def _bounds(records: list[Record], directory: int) -> dict[int, int]:
    """Where the bytes of each entry must end: where the next begins. Checks that no two overlap."""
    ordered = sorted(records, key=lambda record: record.header_offset)
    stops = [*(record.header_offset for record in ordered), directory][1:]
    for record, stop in zip(ordered, stops, strict=True):
        least = record.header_offset + _LOCAL_HEADER + len(record.raw_name) + record.compressed_size
        if least > stop:
            raise FormatError(
                "overlaps what follows it, or reaches beyond the archive", where=repr(record.raw_name[:200])
            )
    if ordered and ordered[0].header_offset:
        raise FormatError(f"the archive begins with {ordered[0].header_offset:,} bytes that belong to no entry")
    return {record.header_offset: stop for record, stop in zip(ordered, stops, strict=True)}


def _check_total(entries: Mapping[str, ZipEntry], size: int, limits: Limits) -> None:
    total = sum(entry.size for entry in entries.values())
    if total > limits.expanded_size:
        raise limits.excess("expanded_size", f"the archive expands to {total:,} bytes")
    if total > max(_ANY_RATIO, size * limits.total_ratio):
        raise limits.excess("total_ratio", f"the archive expands {size:,} bytes to {total:,}")
