"""One answer of a web server to one request, with all its faults."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from carton_runtime.testing.web_faults import Faults

_PIECE = 1 << 16


@dataclass
class Request:
    """A request that came.

    Attributes:
        method: ``GET`` or ``HEAD``.
        number: how many there were of the file, with this one.
        headers: its headers, by names in lower case.
        query: what followed the question mark.
        status: the status of the answer; 0 where there was none.
        sent: bytes of the body that were sent.
    """

    method: str
    number: int
    headers: Mapping[str, str]
    query: str
    status: int = 0
    sent: int = 0


@dataclass
class Served:
    """A file, and who asked for it.

    Attributes:
        content: its bytes, or where they are.
        faults: what is done wrong with it.
        requests: those that came.
    """

    content: bytes | Path
    faults: Faults
    requests: list[Request] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def pieces(self, start: int, stop: int, *, changed: bool) -> Iterator[bytes]:
        """Its bytes in a range."""
        for offset in range(start, stop, _PIECE):
            piece = self._read(offset, min(_PIECE, stop - offset))
            yield bytes(255 - byte for byte in piece) if changed else piece

    def etag(self, faults: Faults, *, changed: bool) -> str:
        """Its entity tag."""
        digest = hashlib.sha256(f"{self.size} {changed}".encode()).hexdigest()[:16]
        return {"strong": f'"{digest}"', "weak": f'W/"{digest}"', "none": ""}[faults.etag]

    def _read(self, start: int, length: int) -> bytes:
        if isinstance(self.content, bytes):
            return self.content[start : start + length]
        with self.content.open("rb") as file:
            file.seek(start)
            return file.read(length)


class Answering:
    """One answer to one request."""

    def __init__(self, handler: BaseHTTPRequestHandler, served: Served, request: Request) -> None:
        faults = served.faults.chosen(request.query)
        if faults.times is not None and request.number > faults.times:
            faults = Faults(etag=faults.etag, modified=faults.modified, user=faults.user)
        self._handler, self._served, self._request, self._faults = handler, served, request, faults
        self._changed = faults.change_after is not None and request.number > faults.change_after

    def answer(self) -> None:
        """Answer it."""
        faults = self._faults
        if faults.mute:
            self._hang()
        elif faults.garbage:
            self._handler.wfile.write(b"what is this\r\n\r\n")
            self._handler.close_connection = True
        elif refusal := self._refusal():
            self._refuse(*refusal)
        else:
            self._send()

    def _refusal(self) -> tuple[int, dict[str, str]] | None:
        faults = self._faults
        if self._request.number <= len(faults.statuses):
            return faults.statuses[self._request.number - 1], {
                "Retry-After": faults.retry_after
            } if faults.retry_after else {}
        if faults.location:
            return faults.redirect_status, {"Location": faults.location}
        user = f"Basic {base64.b64encode(faults.user.encode()).decode()}"
        if faults.user and self._request.headers.get("authorization") != user:
            return 401, {"WWW-Authenticate": "Basic"}
        return None if faults.ignore_conditions or self._meets_conditions() else (412, {})

    def _meets_conditions(self) -> bool:
        headers = self._request.headers
        etag = self._served.etag(self._faults, changed=self._changed)
        if "if-match" in headers:
            return headers["if-match"] == etag and not etag.startswith("W/")
        return headers.get("if-unmodified-since", self._modified) == self._modified

    @property
    def _modified(self) -> str:
        return formatdate(1_000_000_000 + self._changed, usegmt=True)

    def _send(self) -> None:
        size = self._served.size
        span = self._span(size)
        if span is not None and span[0] >= span[1]:
            self._refuse(416, {"Content-Range": f"bytes */{size}"})
            return
        start, stop = span or (0, size)
        body: Iterable[bytes] = self._served.pieces(start, stop, changed=self._changed)
        length = stop - start
        if self._faults.encoding == "gzip":
            body = [gzip.compress(b"".join(body))]
            length = len(body[0])
        self._send_head(span, size, length)
        if self._handler.command != "HEAD":
            self._send_body(body)

    def _span(self, size: int) -> tuple[int, int] | None:
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self._request.headers.get("range", ""))
        if match is None or self._faults.ignore_ranges:
            return None
        first, last = match.groups()
        if not first and self._faults.ignore_suffixes:
            return None
        start = int(first) if first else max(size - int(last), 0)
        stop = min(int(last) + 1, size) if first and last else size
        return start, stop if self._faults.most is None else min(stop, start + self._faults.most)

    def _send_head(self, span: tuple[int, int] | None, size: int, length: int) -> None:
        faults, handler = self._faults, self._handler
        self._request.status = 200 if span is None else 206
        headers = {"ETag": self._served.etag(faults, changed=self._changed), "Content-Encoding": faults.encoding}
        if faults.modified:
            headers["Last-Modified"] = self._modified
        if span is not None:
            start, last = span[0] + faults.shift, span[1] - 1 + faults.shift
            headers["Content-Range"] = f"bytes {start}-{last}/{size if faults.total is None else faults.total}"
        if not faults.chunked:
            headers["Content-Length"] = str(length + faults.length_off)
        handler.send_response(self._request.status)
        for name, text in {**headers, **faults.headers}.items():
            if text:
                handler.send_header(name, text)
        if faults.chunked or faults.length_off:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()

    def _send_body(self, body: Iterable[bytes]) -> None:
        stops = [stop for stop in (self._faults.stall_after, self._faults.close_after) if stop is not None]
        left = min(stops, default=None)
        for piece in body:
            part = piece if left is None else piece[:left]
            self._request.sent += len(part)
            self._handler.wfile.write(part)
            if left is not None:
                left -= len(part)
                if not left:
                    break
        if left == 0:
            self._stop()

    def _stop(self) -> None:
        if self._faults.close_after is None:
            self._hang()
        self._handler.close_connection = True
        with contextlib.suppress(OSError):  # the other side was faster
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def _hang(self) -> None:
        """Do nothing until one of the two hangs up."""
        self._handler.close_connection = True
        with contextlib.suppress(OSError):
            while self._handler.connection.recv(_PIECE):
                pass

    def _refuse(self, status: int, headers: Mapping[str, str]) -> None:
        self._request.status = status
        refuse(self._handler, status, headers)


def refuse(handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str]) -> None:
    """Answer without a body."""
    handler.send_response(status)
    for name, text in {**headers, "Content-Length": "0"}.items():
        handler.send_header(name, text)
    handler.end_headers()
