"""Expands one entry piece by piece and checks what comes out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.codecs import DAMAGE, Codec, Inflate, Stored, Zstd
from carton_runtime.format.archive.entries import Method, ZipEntry

PIECE = 1 << 20

_CODECS: Mapping[Method, Callable[[], Codec]] = {
    Method.STORED: Stored,
    Method.DEFLATE: Inflate,
    Method.ZSTD: Zstd,
}


class Decompressor:
    """Expands one entry.

    Args:
        entry: what is expanded; its sizes and its checksum are checked.
    """

    def __init__(self, entry: ZipEntry) -> None:
        self._entry = entry
        self._codec = _CODECS[entry.method]()
        self._fed = 0
        self._made = 0
        self._crc32 = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next compressed bytes; gives pieces of at most 1 MiB, and never more than the entry's declared size.

        The pieces must all be taken before more is fed.

        Raises:
            FormatError: the bytes are damaged, or there are more of them than declared.
        """
        self._fed += len(chunk)
        if self._fed > self._entry.compressed_size:
            raise self._error("has more bytes than declared")
        for start in range(0, len(chunk), PIECE):
            rest = chunk[start : start + PIECE]
            while piece := self._expand(rest):
                rest = b""
                yield piece

    def finish(self) -> None:
        """Check that all of the entry came out.

        Raises:
            FormatError: bytes are missing, or the checksum differs.
        """
        # Some writers give an empty file no bytes at all, whatever the method
        complete = self._fed == self._entry.compressed_size and (not self._fed or self._codec.is_complete())
        if not complete or self._made != self._entry.size:
            raise self._error(f"is cut short or damaged: {self._made:,} of {self._entry.size:,} bytes came out")
        if self._crc32 != self._entry.crc32:
            raise self._error("is damaged: its checksum (CRC-32) differs")

    def _expand(self, chunk: bytes) -> bytes:
        try:
            piece = self._codec.expand(chunk, PIECE)
        except DAMAGE as error:
            raise self._error(f"is damaged: {error}") from error
        self._made += len(piece)
        if self._made > self._entry.size:
            raise self._error(f"expands to more than the {self._entry.size:,} bytes declared")
        self._crc32 = zlib.crc32(piece, self._crc32)
        return piece

    def _error(self, message: str) -> FormatError:
        return FormatError(message, where=self._entry.name)
