"""Extra fields of an entry's headers (APPNOTE.TXT, sections 4.5.3 and 4.6.9): numbers beyond 32 bits, other names."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from carton_runtime.errors import FormatError

_ZIP64 = 1
_MARK = 0xFFFFFFFF
_UNICODE_PATH = 0x7075
_UNICODE_PATH_PREFIX = 5  # a version, and a checksum


def large_values(extra: bytes, values: tuple[int, ...], raw_name: bytes) -> tuple[int, ...]:
    """Replace each value that is marked as too large for 32 bits by the next one of the zip64 field.

    Args:
        extra: the extra fields of a header.
        values: numbers of the header, in the order in which the zip64 field has them.
        raw_name: the entry's name, for errors.

    Raises:
        FormatError: a number is marked and the field lacks it, or there are two such fields.
    """
    marked = values.count(_MARK)
    if not marked:
        return values
    found = [content for kind, content in _fields(extra) if kind == _ZIP64]
    if len(found) > 1:
        raise FormatError("has zip64 sizes twice", where=repr(raw_name[:200]))
    if not found or len(found[0]) < 8 * marked:
        raise FormatError("has no zip64 sizes although it needs them", where=repr(raw_name[:200]))
    numbers = iter(struct.unpack_from(f"<{marked}Q", found[0]))
    return tuple(next(numbers) if value == _MARK else value for value in values)


def check_single_name(extra: bytes, raw_name: bytes) -> None:
    """Check that no extra field gives the entry another name, which other readers would take in place of this.

    Raises:
        FormatError: one does.
    """
    for kind, content in _fields(extra):
        if kind == _UNICODE_PATH and content[_UNICODE_PATH_PREFIX:] != raw_name:
            raise FormatError(
                f"has another name in an extra field: {content[_UNICODE_PATH_PREFIX:][:200]!r}",
                where=repr(raw_name[:200]),
            )


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each field. Some tools pad with bytes at the end that are no field."""
    offset = 0
    while offset + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, offset)
        yield kind, extra[offset + 4 : offset + 4 + length]
        offset += 4 + length
