"""Which URLs a file may name: those of the web, and of this machine's files where it is one of these itself."""

from __future__ import annotations

import re

_URL = re.compile(r"(?:https?|file)://[^\s\ud800-\udfff]+", re.IGNORECASE)


def objection(url: str, *, files: bool, holder: str) -> str:
    """Why a URL is refused; empty when it is not.

    Args:
        url: the URL.
        files: whether it may be that of a file: what came from elsewhere must not have files of this machine read.
        holder: what may name files if it is on this machine, for the message.
    """
    if not _URL.fullmatch(url):
        return f"{url[:200]!r} is not an http, https or file URL"
    if not files and url.lower().startswith("file:"):
        return f"is a file URL, which only {holder} on this machine may have"
    return ""
