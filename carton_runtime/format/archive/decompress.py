"""Expands one entry piece by piece and checks what comes out."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Protocol

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.entries import Method, ZipEntry

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 20


class _Codec(Protocol):
    def expand(self, data: bytes, most: int) -> bytes:
        """Give at most `most` bytes from `data` and from what was left over; empty when more input is needed."""

    def is_complete(self) -> bool:
        """Whether the compressed data has ended, and with nothing behind its end."""


class Decompressor:
    """Expands one entry.

    Args:
        entry: what is expanded; its sizes and its checksum are checked.
    """

    def __init__(self, entry: ZipEntry) -> None:
        self._entry = entry
        self._codec: _Codec = _CODECS[entry.method]()
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
        except (zlib.error, zstd.ZstdError, EOFError) as error:
            raise self._error(f"is damaged: {error}") from error
        self._made += len(piece)
        if self._made > self._entry.size:
            raise self._error(f"expands to more than the {self._entry.size:,} bytes declared")
        self._crc32 = zlib.crc32(piece, self._crc32)
        return piece

    def _error(self, message: str) -> FormatError:
        return FormatError(message, where=self._entry.name)


class _Stored:
    def __init__(self) -> None:
        self._left = memoryview(b"")

    def expand(self, data: bytes, most: int) -> bytes:
        if data:
            self._left = memoryview(data)
        piece, self._left = self._left[:most], self._left[most:]
        return bytes(piece)

    def is_complete(self) -> bool:
        return not self._left


class _Deflate:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)

    def expand(self, data: bytes, most: int) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, most)

    def is_complete(self) -> bool:
        return self._stream.eof and not self._stream.unused_data


class _Zstd:
    """Any number of frames, one after the other, as the zstd format allows (RFC 8878, section 3)."""

    def __init__(self) -> None:
        self._frame = zstd.ZstdDecompressor()

    def expand(self, data: bytes, most: int) -> bytes:
        while True:
            if self._frame.eof:
                data = self._frame.unused_data or data
                if not data:
                    return b""
                self._frame = zstd.ZstdDecompressor()
            piece: bytes = self._frame.decompress(data, most)
            if piece or not self._frame.eof:
                return piece
            data = b""

    def is_complete(self) -> bool:
        return self._frame.eof and not self._frame.unused_data


_CODECS: dict[Method, type[_Codec]] = {Method.STORED: _Stored, Method.DEFLATE: _Deflate, Method.ZSTD: _Zstd}
