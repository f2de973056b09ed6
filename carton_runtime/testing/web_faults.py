"""What a web server may do wrong, by configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What a server does wrong, or otherwise than most.

    Attributes:
        ignore_ranges: it sends everything, whatever range is asked for.
        ignore_suffixes: it does so where the last bytes are asked for.
        ignore_conditions: it does not look at ``If-Match`` and ``If-Unmodified-Since``.
        shift: its ``Content-Range`` and body begin so many bytes beside what was asked for.
        total: the size of the file that it claims.
        most: bytes that it sends at most for one range.
        length_off: how far its ``Content-Length`` is off.
        chunked: it announces no length.
        encoding: it claims this ``Content-Encoding``; with ``gzip`` it is true.
        mute: it never answers.
        garbage: what it answers is not HTTP.
        stall_after: it sends so many bytes of the body, and then nothing more.
        close_after: it sends so many bytes of the body, and then hangs up.
        statuses: it answers with these first, one after the other.
        retry_after: the ``Retry-After`` of those.
        etag: ``strong``, ``weak`` or ``none``.
        modified: whether it tells the time of change.
        change_after: after so many requests the file is another one, of the same size.
        location: it redirects there.
        redirect_status: with this status.
        headers: it sends these as well.
        user: it wants this, as ``name:password``.
        times: it misbehaves for so many requests only; `None` for always.
    """

    ignore_ranges: bool = False
    ignore_suffixes: bool = False
    ignore_conditions: bool = False
    shift: int = 0
    total: int | None = None
    most: int | None = None
    length_off: int = 0
    chunked: bool = False
    encoding: str = ""
    mute: bool = False
    garbage: bool = False
    stall_after: int | None = None
    close_after: int | None = None
    statuses: tuple[int, ...] = ()
    retry_after: str = ""
    etag: str = "strong"
    modified: bool = True
    change_after: int | None = None
    location: str = ""
    redirect_status: int = 302
    headers: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    times: int | None = None

    def chosen(self, query: str) -> Faults:
        """These, with those over them that a request's query names; other parts of the query mean nothing."""
        known = {item.name: item for item in fields(self) if item.name not in ("statuses", "headers")}
        given = {name: text for name, text in parse_qsl(query) if name in known}
        return replace(self, **{name: _typed(known[name].type, text) for name, text in given.items()})


def _typed(kind: Any, text: str) -> Any:
    """A fault's value, from a query."""
    if kind == "bool":
        return text not in ("", "0")
    return int(text) if kind in ("int", "int | None") else text
