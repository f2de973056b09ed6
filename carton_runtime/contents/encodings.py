"""Files that web servers send compressed: ``Content-Encoding`` undone piece by piece, within what is allowed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.codecs import DAMAGE, Codec, Gzip, Inflate, Zstd

PIECE = 1 << 20


class Decoder:
    """Undoes one encoding.

    Args:
        encoding: its name, in lower case.
        allow: told how many bytes have come in and gone out; raises when those are too many.

    Raises:
        FormatError: nobody here reads that encoding.
    """

    def __init__(self, encoding: str, allow: Callable[[int, int], None]) -> None:
        if encoding not in _CODECS:
            known = ", ".join(_CODECS)
            raise FormatError(f"is sent in the encoding {encoding[:40]!r}; those that can be read are {known}")
        self._codec = _CODECS[encoding]()
        self._encoding = encoding
        self._allow = allow
        self._fed = 0
        self._made = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The next bytes of the file, in pieces of about 1 MiB; all must be taken before more is fed.

        Raises:
            FormatError: what travels is damaged, or expands to more than is allowed.
        """
        self._fed += len(chunk)
        while piece := self._expand(chunk):
            chunk = b""
            self._made += len(piece)
            self._allow(self._fed, self._made)
            yield piece

    def finish(self) -> None:
        """Say that nothing more comes.

        Raises:
            FormatError: something is missing.
        """
        if not self._codec.is_complete():
            raise FormatError(
                f"is sent in the encoding {self._encoding!r}, and cut short or followed by something else"
            )

    def _expand(self, chunk: bytes) -> bytes:
        try:
            return self._codec.expand(chunk, PIECE)
        except DAMAGE as error:
            raise FormatError(f"is sent in the encoding {self._encoding!r}, and damaged: {error}") from error


class _Deflate:
    """With zlib's wrapping, as HTTP has it (RFC 9110, section 8.4.1.2), or without, as some servers do."""

    def __init__(self) -> None:
        self._head = b""
        self._codec: Inflate | None = None

    def expand(self, data: bytes, most: int) -> bytes:
        if self._codec is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            data, self._codec = self._head, Inflate(zlib.MAX_WBITS if _is_wrapped(self._head) else -zlib.MAX_WBITS)
        return self._codec.expand(data, most)

    def is_complete(self) -> bool:
        return self._codec is not None and self._codec.is_complete()


def _is_wrapped(head: bytes) -> bool:
    return head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._error: type[Exception] = brotli.error
        self._stream: Any = brotli.Decompressor()

    def expand(self, data: bytes, most: int) -> bytes:
        try:
            piece: bytes = self._stream.process(data, output_buffer_limit=most)
        except self._error as error:
            raise EOFError(str(error)) from error
        return piece

    def is_complete(self) -> bool:
        return bool(self._stream.is_finished())


_CODECS: Mapping[str, Callable[[], Codec]] = {
    "zstd": Zstd,
    "gzip": Gzip,
    "x-gzip": Gzip,
    "br": _Brotli,
    "deflate": _Deflate,
}
