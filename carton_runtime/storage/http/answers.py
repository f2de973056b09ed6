"""What a server's answer says about itself, and whether it is what was asked for. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import Span
from carton_runtime.storage.retrying import Trouble

OK, PARTIAL, CHANGED, BEYOND = 200, 206, 412, 416

_CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.IGNORECASE)
_LEAST = 1 << 16  # a server may send less than it was asked for; in smaller parts, a file would take for ever
_PASSING = frozenset({408, 425, 429})  # errors of the client's that another attempt may not meet
_MEANING = {
    401: "asks for a user and password, or for others than were given",
    403: "does not allow it; a link that was signed may have expired",
    404: "has nothing there",
    410: "has nothing there any more",
}


@dataclass(frozen=True)
class Version:
    """What tells one state of a file from another.

    Attributes:
        etag: the entity tag, with its quotes; may be weak.
        modified: the time of change, as the server writes it.
        size: how many bytes the file has.
        encoding: how they are compressed, as the server's ``Content-Encoding`` calls it; empty when they are not.
    """

    etag: str | None
    modified: str | None
    size: int
    encoding: str = ""

    @property
    def condition(self) -> dict[str, str]:
        """The header that makes the server refuse when the file is another one by now, if there is one."""
        if self.etag and not self.etag.startswith("W/"):  # a weak one never matches
            return {"If-Match": self.etag}
        if self.modified and not self.etag:
            return {"If-Unmodified-Since": self.modified}
        return {}

    def differs(self, other: Version) -> bool:
        """Whether the other is surely of other bytes. Says no where one of the two does not know."""
        if (self.size, self.encoding) != (other.size, other.encoding):
            return True
        if self.etag and other.etag:
            return self.etag.removeprefix("W/") != other.etag.removeprefix("W/")
        return bool(self.modified and other.modified and self.modified != other.modified)


@dataclass(frozen=True)
class Answer:
    """The head of an answer.

    Attributes:
        status: the status code.
        span: the bytes that it says to hold; `None` when it does not say.
        total: how many bytes the whole file has; `None` when it does not say.
        length: how many bytes follow; `None` when it does not say.
        etag: the entity tag.
        modified: the time of change.
        encoding: how the bytes are compressed; empty when they are not.
    """

    status: int
    span: Span | None
    total: int | None
    length: int | None
    etag: str | None
    modified: str | None
    encoding: str = ""

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], where: str, *, encoded: bool = False) -> Answer:
        """Understand the head of an answer.

        Args:
            status: its status code.
            headers: its headers; names are looked up in lower case.
            where: URL and range, for messages.
            encoded: whether the bytes may be compressed.

        Raises:
            Trouble: the server cannot at the moment.
            StorageError: it will not, or the bytes were compressed on the way.
        """
        _check_status(status, headers, where)
        encoding = _encoding(headers) if status in (OK, PARTIAL) else ""
        if encoding and not encoded:
            raise StorageError(
                f"{where}: the server compressed the bytes ({encoding[:40]}) although it was asked not to, so no range "
                "of them can be read; have that switched off there, or download the carton and give its path"
            )
        span, total = _content_range(headers.get("content-range", "")) if status != OK else (None, None)
        return cls(status, span, total, _number(headers), headers.get("etag"), headers.get("last-modified"), encoding)

    def version(self, size: int) -> Version:
        """The state of the file that this is an answer of."""
        return Version(self.etag, self.modified, size, self.encoding)

    def check_part(self, wanted: Span, where: str) -> tuple[Span, int]:
        """Check that these are the bytes that were asked for, from the first on.

        Returns:
            Those that are sent, which may be fewer, and how many the whole file has.

        Raises:
            StorageError: they are not.
        """
        if self.span is None or self.total is None:
            raise StorageError(f"{where}: the server does not say which part of how many bytes it sends")
        if self.span.start != wanted.start or self.span.stop > wanted.stop or not self.span.length:
            raise StorageError(f"{where}: the server sends {describe(self.span)} instead")
        if self.span.stop < wanted.stop and self.span.length < _LEAST:
            raise StorageError(f"{where}: the server sends no more than {self.span.length} bytes at a time")
        if self.length not in (None, self.span.length):
            raise StorageError(f"{where}: the server announces {self.length} bytes for a range of {self.span.length}")
        if self.span.stop > self.total:
            raise StorageError(f"{where}: the server sends {describe(self.span)} of a file of {self.total} bytes")
        return self.span, self.total


def describe(span: Span) -> str:
    """A range, for people, as HTTP counts: both ends are in it."""
    return f"bytes {span.start}-{span.stop - 1}"


def _check_status(status: int, headers: Mapping[str, str], where: str) -> None:
    if status >= 500 or status in _PASSING:
        raise Trouble(f"the server cannot at the moment (status {status})", wait=_retry_after(headers))
    if status not in (OK, PARTIAL, CHANGED, BEYOND):
        meaning = _MEANING.get(status, "will not give it" if status >= 400 else "leads nowhere")
        raise StorageError(f"{where}: the server {meaning} (status {status})")


def _encoding(headers: Mapping[str, str]) -> str:
    encoding = headers.get("content-encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def _content_range(text: str) -> tuple[Span | None, int | None]:
    match = _CONTENT_RANGE.fullmatch(text.strip())
    if match is None:
        return None, None
    first, last, total = match.groups()
    span = None if first is None else Span(int(first), max(int(last) + 1 - int(first), 0))
    return span, None if total == "*" else int(total)


def _number(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server wants to be left alone for."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):  # neither a number nor a date with a zone
        return None
