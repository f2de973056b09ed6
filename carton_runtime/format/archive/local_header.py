"""Where an entry's bytes begin: its local header (APPNOTE.TXT, section 4.3.7), checked against the directory.

Some readers believe the local headers and others the directory. An archive in which these differ holds one carton for
each of them, so it is refused.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.decompress import Decompressor
from carton_runtime.format.archive.descriptor import SIZES, check_descriptor
from carton_runtime.format.archive.entries import ZipEntry
from carton_runtime.format.archive.extra import check_single_name, large_values
from carton_runtime.format.archive.ranges import Range, Reading, ask

_HEADER = struct.Struct("<4s5H3L2H")
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_DESCRIPTOR = 0x8
_EXTRA_GUESS = 64  # more than any extra field that a writer of cartons has been seen to add


class _Found(NamedTuple):
    """What was read from an entry's header on, and where its content begins in that."""

    data: bytes
    content: int


def data_start(entry: ZipEntry) -> Reading[int]:
    """Find where an entry's bytes begin, usually in one read.

    Raises:
        FormatError: the local header is missing, or contradicts the central directory.
    """
    found = yield from _header(entry, 0)
    return entry.header_offset + found.content


def read_entry(entry: ZipEntry) -> Reading[bytes]:
    """Read all of a small entry, usually in one read; a large one should go through a `Decompressor` in pieces.

    Raises:
        FormatError: the entry is damaged, or what stands around it contradicts the central directory.
    """
    data, begin = yield from _header(entry, entry.compressed_size)
    end = begin + entry.compressed_size
    data = yield from _extended(entry, data, _room(entry) if entry.has_descriptor else end)
    decompressor = Decompressor(entry)
    content = b"".join(decompressor.feed(data[begin:end]))
    decompressor.finish()
    if entry.has_descriptor:
        check_descriptor(entry, data[end:])
    return content


def _header(entry: ZipEntry, more: int) -> Reading[_Found]:
    """Read and check the local header, and `more` bytes that probably follow it."""
    name = entry.name.encode("utf-8")
    guess = _HEADER.size + len(name) + _EXTRA_GUESS + more
    data = yield from _extended(entry, b"", min(guess, _room(entry)))
    _check_fixed_part(entry, data, name)
    name_length, extra_length = _HEADER.unpack_from(data)[-2:]
    content = _HEADER.size + name_length + extra_length
    _check_room(entry, content + entry.compressed_size)
    data = yield from _extended(entry, data, content)
    _check_numbers(entry, _HEADER.unpack_from(data), data[_HEADER.size + name_length : content])
    return _Found(data, content)


def _room(entry: ZipEntry) -> int:
    """Bytes from the entry's header to whatever follows it."""
    return entry.limit - entry.header_offset


def _extended(entry: ZipEntry, data: bytes, length: int) -> Reading[bytes]:
    """`data`, which begins at the entry's header, and what is missing for `length` bytes."""
    missing = length - len(data)
    if missing > 0:
        data += yield from ask(Range(entry.header_offset + len(data), missing))
    return data


def _check_fixed_part(entry: ZipEntry, data: bytes, name: bytes) -> None:
    if not data.startswith(_SIGNATURE):
        raise FormatError("has no local header where the archive's directory says", where=entry.name)
    _, _, flags, method, *_, name_length, _ = _HEADER.unpack_from(data)
    found = data[_HEADER.size : _HEADER.size + name_length]
    if found != name:
        raise FormatError(f"is called {found[:200]!r} by its local header", where=entry.name)
    if method != entry.method or flags & _ENCRYPTED or bool(flags & _DESCRIPTOR) != entry.has_descriptor:
        raise FormatError(f"its local header has method {method} and flags {flags:#x}", where=entry.name)


def _check_room(entry: ZipEntry, length: int) -> None:
    behind = _room(entry) - length
    if behind < 0:
        raise FormatError("overlaps what follows it", where=entry.name)
    if behind and not entry.has_descriptor:
        raise FormatError(f"is followed by {behind:,} bytes that belong to no entry", where=entry.name)
    if entry.has_descriptor and behind not in SIZES:
        raise FormatError(f"is followed by {behind:,} bytes, which are no data descriptor", where=entry.name)


def _check_numbers(entry: ZipEntry, fields: tuple[int, ...], extra: bytes) -> None:
    check_single_name(extra, entry.name.encode("utf-8"))
    crc32, compressed_size, size = fields[6:9]
    size, compressed_size = large_values(extra, (size, compressed_size), entry.name.encode("utf-8"))
    for told, true in ((crc32, entry.crc32), (compressed_size, entry.compressed_size), (size, entry.size)):
        # Zero where the writer did not know yet, and told it behind the bytes
        if told != true and not (entry.has_descriptor and told == 0):
            raise FormatError(
                f"its local header and the archive's directory contradict each other: {told:,} and {true:,}",
                where=entry.name,
            )
