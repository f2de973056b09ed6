"""URLs as they may be shown: without what opens doors."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def redacted(url: str) -> str:
    """The URL without user, password and fragment, and an ellipsis for its query, where links are signed.

    What cannot be understood is not shown at all.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  asking is the check: a password with a slash in it looks like a port
    except ValueError:
        return "the URL"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))
