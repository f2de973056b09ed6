"""Expands compressed data piece by piece, never more at once than is asked for."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DAMAGE = (zlib.error, zstd.ZstdError, EOFError)
"""What codecs raise when what they are given is damaged."""

_PART = 1 << 20  # bytes that a codec is fed at once
_FIRST_PART = 1 << 12  # likewise, of a member that may be very small


class Codec(Protocol):
    """Expands one stream of bytes."""

    def expand(self, data: bytes, most: int) -> bytes:
        """Give at most `most` bytes from `data` and from what was left over; empty when more input is needed."""

    def is_complete(self) -> bool:
        """Whether the compressed data has ended, and with nothing behind its end."""


class Stored:
    """Bytes as they are."""

    def __init__(self) -> None:
        self._left = memoryview(b"")

    def expand(self, data: bytes, most: int) -> bytes:
        """Give at most `most` of them."""
        if data:
            self._left = memoryview(data)
        piece, self._left = self._left[:most], self._left[most:]
        return bytes(piece)

    def is_complete(self) -> bool:
        """Whether all were given; they have no end of their own."""
        return not self._left


class Inflate:
    """Deflated bytes, in whichever wrapping zlib knows.

    Args:
        window: zlib's ``wbits``; without a wrapping, as in a zip, unless given.
    """

    def __init__(self, window: int = -zlib.MAX_WBITS) -> None:
        self._stream = zlib.decompressobj(window)

    def expand(self, data: bytes, most: int) -> bytes:
        """Give at most `most` bytes."""
        return self._stream.decompress(self._stream.unconsumed_tail + data, most)

    def is_complete(self) -> bool:
        """Whether it has ended, and with nothing behind its end."""
        return self._stream.eof and not self._stream.unused_data


class Members:
    """Any number of compressed streams, one after the other, which together are one.

    Args:
        codec: makes what expands one of them.
    """

    def __init__(self, codec: Callable[[], Any]) -> None:
        self._codec = codec
        self._member = codec()
        self._data = memoryview(b"")
        self._at = 0

    def expand(self, data: bytes, most: int) -> bytes:
        """Give at most `most` bytes."""
        if data:
            self._data, self._at = memoryview(data), 0
        while True:
            piece = self._next_member_or_more(most)
            if piece or self._at == len(self._data):
                return piece

    def _next_member_or_more(self, most: int) -> bytes:
        """Feed a part: each end of a member copies what was fed behind it, and there may be a million in a few MiB."""
        length = _PART
        if self._member.eof and self._at < len(self._data):
            self._member, length = self._codec(), _FIRST_PART
        elif self._member.eof:
            return b""
        given = self._data[self._at : self._at + length]
        piece: bytes = self._member.decompress(given, most)
        self._at += len(given) - self._left()
        return piece

    def _left(self) -> int:
        """Bytes of what was fed that were not taken: behind its end, or because enough came of those before."""
        return len(self._member.unused_data if self._member.eof else getattr(self._member, "unconsumed_tail", b""))

    def is_complete(self) -> bool:
        """Whether a member has ended, and with nothing behind its end."""
        return self._member.eof and self._at == len(self._data)


class Zstd(Members):
    """Frames of zstd, as the format allows any number of them (RFC 8878, section 3)."""

    def __init__(self) -> None:
        super().__init__(zstd.ZstdDecompressor)


class Gzip(Members):
    """Members of gzip (RFC 1952, section 2.2)."""

    def __init__(self) -> None:
        super().__init__(partial(zlib.decompressobj, zlib.MAX_WBITS | 16))
