"""Where an archive ends, and where its central directory lies.

Layouts are those of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.14 to 4.3.16.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.directory import CENTRAL
from carton_runtime.format.limits import Limits

END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_SIGNATURE = b"PK\x06\x06"


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory lies.

    Attributes:
        offset: where it begins.
        size: bytes in it.
        count: records in it.
    """

    offset: int
    size: int
    count: int

    @property
    def stop(self) -> int:
        """The offset after its last byte."""
        return self.offset + self.size


def find_directory(end: bytes, start: int, limits: Limits) -> Directory:
    """Find the directory by the last bytes of an archive, `end`, which begin at `start`.

    Raises:
        FormatError: they are no end of a zip archive, contradict themselves, or tell of more than `limits` allow.
    """
    position = _end_record(end)
    _, disk, first_disk, here, count, size, offset, _ = END.unpack_from(end, position)
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
    directory = Directory(offset, size, count)
    _check_size(directory, limits)
    return directory


def _end_record(end: bytes) -> int:
    position = len(end)
    while (position := end.rfind(_END_SIGNATURE, 0, position)) >= 0:
        # Compressed data or a comment may hold the signature; only the true one's comment reaches the end exactly
        comment = position + END.size
        if comment <= len(end) and comment + END.unpack_from(end, position)[-1] == len(end):
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


def _check_size(directory: Directory, limits: Limits) -> None:
    if directory.count > limits.entries:
        raise limits.excess("entries", f"the archive has {directory.count:,} entries")
    if directory.size > limits.directory_size:
        raise limits.excess("directory_size", f"the archive's directory has {directory.size:,} bytes")
    if directory.count * CENTRAL.size > directory.size:
        raise FormatError(f"the archive's directory has {directory.size:,} bytes for {directory.count:,} entries")
