"""What an archive lists: entries, and the ways they are compressed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from carton_runtime.errors import FormatError


class Method(IntEnum):
    """How an entry is compressed; the numbers are the zip format's."""

    STORED = 0
    DEFLATE = 8
    ZSTD = 93


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file, or symlink, of an archive.

    Attributes:
        name: its path.
        method: how it is compressed.
        crc32: the checksum of its content.
        compressed_size: bytes that it takes in the archive, without its header.
        size: bytes in its content.
        header_offset: where its local header begins.
        is_symlink: whether its content is the target of a symlink.
        limit: where the next entry, or the central directory, begins.
        has_descriptor: whether its sizes and its checksum are repeated behind its bytes, as streams need it.
    """

    name: str
    method: Method
    crc32: int
    compressed_size: int
    size: int
    header_offset: int
    is_symlink: bool
    limit: int
    has_descriptor: bool = False


def known_method(number: int, name: str) -> Method:
    """The compression method of that number.

    Raises:
        FormatError: the format knows no such method.
    """
    try:
        return Method(number)
    except ValueError:
        known = ", ".join(f"{method.name.lower()} ({method.value})" for method in Method)
        raise FormatError(f"is compressed with method {number}; cartons use {known}", where=name) from None
