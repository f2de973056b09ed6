"""Where an entry's bytes begin: its local header (APPNOTE.TXT, section 4.3.7), checked against the directory."""

from __future__ import annotations

import struct

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.decompress import Decompressor
from carton_runtime.format.archive.entries import ZipEntry
from carton_runtime.format.archive.ranges import Range, Reading, ask

_HEADER = struct.Struct("<4s5H3L2H")
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_EXTRA_GUESS = 64  # more than any extra field that a writer of cartons has been seen to add


def data_start(entry: ZipEntry) -> Reading[int]:
    """Find where an entry's bytes begin, in one read.

    Raises:
        FormatError: the local header is missing, or contradicts the central directory.
    """
    length = _HEADER.size + len(entry.name.encode("utf-8"))
    header = yield from ask(Range(entry.header_offset, length))
    return _data_start(entry, header)


def read_entry(entry: ZipEntry) -> Reading[bytes]:
    """Read all of a small entry, usually in one read; a large one should go through a `Decompressor` in pieces.

    Raises:
        FormatError: the entry is damaged.
    """
    least = _HEADER.size + len(entry.name.encode("utf-8")) + entry.compressed_size
    got = Range(entry.header_offset, min(least + _EXTRA_GUESS, entry.limit - entry.header_offset))
    data = yield from ask(got)
    start = _data_start(entry, data)
    missing = start + entry.compressed_size - got.stop
    if missing > 0:
        data += yield from ask(Range(got.stop, missing))
    decompressor = Decompressor(entry)
    begin = start - entry.header_offset
    content = b"".join(decompressor.feed(data[begin : begin + entry.compressed_size]))
    decompressor.finish()
    return content


def _data_start(entry: ZipEntry, header: bytes) -> int:
    if not header.startswith(_SIGNATURE):
        raise FormatError("has no local header where the archive's directory says", where=entry.name)
    _, _, flags, method, *_, name_length, extra_length = _HEADER.unpack_from(header)
    name = header[_HEADER.size : _HEADER.size + name_length]
    if name_length != len(entry.name.encode("utf-8")) or name != entry.name.encode("utf-8"):
        raise FormatError(f"is called {name[:200]!r} by its local header", where=entry.name)
    if method != entry.method or flags & _ENCRYPTED:
        raise FormatError(f"its local header has method {method} and flags {flags:#x}", where=entry.name)
    start: int = entry.header_offset + _HEADER.size + name_length + extra_length
    if start + entry.compressed_size > entry.limit:
        raise FormatError("overlaps what follows it", where=entry.name)
    return start
