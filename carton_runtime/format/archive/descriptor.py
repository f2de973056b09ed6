"""Data descriptors (APPNOTE.TXT, section 4.3.9): what streams tell behind an entry's bytes."""

from __future__ import annotations

import struct

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.entries import ZipEntry
from carton_runtime.format.archive.ranges import Range, Reading, ask

_SIGNATURE = b"PK\x07\x08"  # which may be missing
_LAYOUTS = (struct.Struct("<3L"), struct.Struct("<L2Q"))
SIZES = frozenset(layout.size + signature for layout in _LAYOUTS for signature in (0, len(_SIGNATURE)))
"""How many bytes a data descriptor can have."""


def read_descriptor(entry: ZipEntry, start: int) -> Reading[None]:
    """Read and check the data descriptor of an entry that has one; for one that was read in pieces.

    Args:
        entry: the entry.
        start: where its bytes begin.

    Raises:
        FormatError: it contradicts the central directory.
    """
    if entry.has_descriptor:
        end = start + entry.compressed_size
        check_descriptor(entry, (yield from ask(Range(end, entry.limit - end))))


def check_descriptor(entry: ZipEntry, data: bytes) -> None:
    """Compare a data descriptor, which is all of `data`, with the central directory.

    Raises:
        FormatError: they contradict each other.
    """
    true = (entry.crc32, entry.compressed_size, entry.size)
    candidates = [data, data.removeprefix(_SIGNATURE)]  # a checksum may look like a signature
    if not any(len(rest) == layout.size and layout.unpack(rest) == true for rest in candidates for layout in _LAYOUTS):
        raise FormatError("its data descriptor and the archive's directory contradict each other", where=entry.name)
