"""URLs, and texts with URLs in them, as they may be shown: without what opens doors."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_URL = re.compile(r"\w[\w+.-]*://[^\s'\"<>]+")
_NEXT = re.compile(r"::(?=[a-zA-Z][\w+.-]*(?:://|::))")  # between the URLs of fsspec's chains
_QUERY = re.compile(r"(?<=[\w/])\?[\w.%-]+=[^\s'\"<>]*")  # of a URL of which a message has only the path
_LONGEST = 300


def redacted(url: str) -> str:
    """The URL without user, password and fragment, and an ellipsis for its query, where links are signed.

    What cannot be understood is not shown at all. In a chain of URLs, ``zip://a::https://…``, that holds for each.
    """
    return "::".join(map(_redacted, _NEXT.split(url)))


def _redacted(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  asking is the check: a password with a slash in it looks like a port
    except ValueError:
        return "the URL"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def scrubbed(text: str) -> str:
    """The first line of somebody else's message, not too long, with its URLs redacted.

    What follows a ``<`` is left out: there, servers repeat what they were sent.
    """
    line = text.partition("\n")[0].partition("<")[0].strip().rstrip(":")
    return _QUERY.sub("?…", _URL.sub(lambda match: redacted(match.group()), line))[:_LONGEST]
