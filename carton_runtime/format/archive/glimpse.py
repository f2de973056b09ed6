"""A few entries of an archive whose directory is too large to be read for what the archive says about itself.

Nothing that is found here has been compared with the rest of the directory: it is good enough to be shown, and whoever
uses the archive reads its whole index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.directory import CENTRAL_SIGNATURE, Record, read_record
from carton_runtime.format.archive.end_records import END, find_directory
from carton_runtime.format.archive.entries import ZipEntry
from carton_runtime.format.archive.ranges import Range, Reading, ask
from carton_runtime.format.limits import DEFAULTS, Limits

_TRIES = 8  # what looks like the beginning of a record and is none comes from somebody who means harm


@dataclass(frozen=True)
class Glimpse:
    """Some entries of an archive.

    Attributes:
        entries: those that were seen and are not left out, by name.
        is_whole: whether all of the directory lies in the tail.
        count: records in the directory: files, symlinks and folders.
        asked: how many ranges it took.
    """

    entries: Mapping[str, ZipEntry]
    is_whole: bool
    count: int
    asked: int


def read_glimpse(
    size: int, wanted: str, *, tail: int, head: int, without: str, limits: Limits = DEFAULTS
) -> Reading[Glimpse]:
    """Read what an archive's tail has of its directory, and the directory's beginning where that lacks an entry.

    Args:
        size: bytes in the archive.
        wanted: the name of the entry.
        tail: bytes to read first.
        head: bytes of the directory to read then.
        without: entries whose names begin so are left out: there are many, and nobody asks for them.
        limits: how much is allowed.

    Raises:
        FormatError: this is not a zip archive, it is cut short, or an entry that was seen breaks the rules.
    """
    if size < END.size:
        raise FormatError(f"this is not a zip archive: it has only {size} bytes")
    start = max(0, size - max(tail, END.size))
    end = yield from ask(Range(start, size - start))
    directory = find_directory(end, start, limits)
    skipped = max(0, directory.offset - start)
    left_out = without.encode()
    entries = _entries(_last_records(end[skipped : directory.stop - start]), directory.offset, left_out, limits)
    asked = 1
    if wanted not in entries and directory.offset < start:
        data = yield from ask(Range(directory.offset, min(head, start - directory.offset)))
        entries |= _entries(_first_records(data), None, left_out, limits)
        asked = 2
    return Glimpse(entries, directory.offset >= start, directory.count, asked)


def _last_records(data: bytes) -> list[Record]:
    """The records that end where `data` does; it may begin in the middle of one."""
    offset = -1
    for _ in range(_TRIES):
        offset = data.find(CENTRAL_SIGNATURE, offset + 1)
        if offset < 0:
            break
        records, stop = _chain(data, offset)
        if stop == len(data):
            return records
    return []


def _first_records(data: bytes) -> list[Record]:
    """The records that `data` begins with; its last may be cut short."""
    records, _ = _chain(data, 0)
    return records


def _chain(data: bytes, offset: int) -> tuple[list[Record], int]:
    """Records that follow each other, and the offset after the last of them."""
    records: list[Record] = []
    try:
        while offset < len(data):
            record, offset = read_record(data, offset)
            records.append(record)
    except FormatError:  # it is cut short, or another thing
        pass
    return records, offset


def _entries(records: Iterable[Record], end: int | None, without: bytes, limits: Limits) -> dict[str, ZipEntry]:
    """The entries of records that follow each other; `end` is where the last of them must end, where that is known."""
    ordered = sorted(records, key=lambda record: record.header_offset)
    stops = [record.header_offset for record in ordered[1:]] + ([] if end is None else [end])
    pairs = zip(ordered, stops, strict=False)  # where the last one ends may not be known
    shown = ((record, stop) for record, stop in pairs if not record.raw_name.startswith(without))
    entries = (record.entry(limits, stop) for record, stop in shown if not record.is_directory)
    return {entry.name: entry for entry in entries}
