"""The index of an archive: where it ends, and what its central directory lists.

Layouts are those of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.directory import CENTRAL, Record, read_record
from carton_runtime.format.archive.entries import ZipEntry
from carton_runtime.format.archive.ranges import Range, Reading, ask
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import check_distinct

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_SIGNATURE = b"PK\x06\x06"

_LOCAL_HEADER = 30
_ANY_RATIO = 1 << 30  # so much may come of however little: an array of zeros, for one


@dataclass(frozen=True)
class ZipIndex:
    """What an archive holds: its files and symlinks by name, in the order of its directory. Folders are left out."""

    entries: Mapping[str, ZipEntry]


@dataclass(frozen=True, slots=True)
class _Directory:
    offset: int
    size: int
    count: int


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
    if size < _END.size:
        raise FormatError(f"this is not a zip archive: it has only {size} bytes")
    start = max(0, size - max(tail, _END.size))
    end = yield from ask(Range(start, size - start))
    directory = _find_directory(end, start)
    _check_directory(directory, limits)
    if directory.offset >= start:
        data = end[directory.offset - start : directory.offset - start + directory.size]
    else:
        data = yield from ask(Range(directory.offset, directory.size))
    return ZipIndex(_entries(_records(data, directory.count), directory.offset, size, limits))


def _find_directory(end: bytes, start: int) -> _Directory:
    position = _end_record(end)
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(end, position)
    if position >= _LOCATOR.size and end.startswith(_LOCATOR_SIGNATURE, position - _LOCATOR.size):
        position, *large = _zip64_directory(end, start, position - _LOCATOR.size)
        _check_agreement((here, count, size, offset), large)
        here, count, size, offset = large
    elif disk or first_disk:
        raise FormatError("the archive is one part of several, which cartons are not")
    if here != count:
        raise FormatError("the archive is one part of several, which cartons are not")
    if offset + size != start + position:
        raise FormatError("the archive's directory does not lie where its end says: bytes were added, lost or changed")
    return _Directory(offset, size, count)


def _end_record(end: bytes) -> int:
    position = len(end)
    while (position := end.rfind(_END_SIGNATURE, 0, position)) >= 0:
        # Compressed data or a comment may hold the signature; only the true one's comment reaches the end exactly
        comment = position + _END.size
        if comment <= len(end) and comment + _END.unpack_from(end, position)[-1] == len(end):
            return position
    raise FormatError("this is not a zip archive, or its end is missing")


def _zip64_directory(end: bytes, start: int, locator: int) -> tuple[int, int, int, int, int]:
    _, _, offset, disks = _LOCATOR.unpack_from(end, locator)
    position = offset - start
    if disks > 1:
        raise FormatError("the archive is one part of several, which cartons are not")
    if not 0 <= position <= locator - _END64.size or not end.startswith(_END64_SIGNATURE, position):
        raise FormatError("the archive's zip64 end record does not lie where its locator says")
    here, count, size, directory = _END64.unpack_from(end, position)[6:10]
    return position, here, count, size, directory


def _check_agreement(small: Sequence[int], large: Sequence[int]) -> None:
    """Two readers must not see two archives: a classic number is the zip64 one, or says to look there."""
    for value, true, mark in zip(small, large, (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), strict=True):
        if value not in (true, mark):
            raise FormatError("the archive's two end records contradict each other")


def _check_directory(directory: _Directory, limits: Limits) -> None:
    if directory.count > limits.entries:
        raise limits.excess("entries", f"the archive has {directory.count:,} entries")
    if directory.size > limits.directory_size:
        raise limits.excess("directory_size", f"the archive's directory has {directory.size:,} bytes")
    if directory.count * CENTRAL.size > directory.size:
        raise FormatError(f"the archive's directory has {directory.size:,} bytes for {directory.count:,} entries")


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
