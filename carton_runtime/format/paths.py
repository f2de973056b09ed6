"""Names of files inside a carton: one check, for zip entries, MANIFEST, misc files and tensor files alike."""

from __future__ import annotations

import re

from carton_runtime.errors import FormatError

_DRIVE = re.compile(r"[A-Za-z]:")


def safe_path(name: str, *, where: str = "") -> str:
    """Return `name` unchanged when it is a normalised relative path that cannot leave the folder it is unpacked into.

    Args:
        name: the path, with ``/`` between its parts.
        where: what to name in the error.

    Raises:
        FormatError: the path is empty or absolute, has an empty, ``.`` or ``..`` part, a drive letter, a backslash, a
            NUL, a newline (``MANIFEST`` could not hold it), or characters that UTF-8 cannot hold.
    """
    reason = _unsafe(name)
    if reason:
        raise FormatError(f"the path {name[:200]!r} {reason}", where=where)
    return name


def _unsafe(name: str) -> str:
    if not name:
        return "is empty"
    if "\\" in name or "\0" in name or "\n" in name:
        return "contains a backslash, a NUL or a newline"
    if name.startswith("/") or _DRIVE.match(name):
        return "is absolute; paths in a carton are relative"
    parts = name.split("/")
    if "" in parts or "." in parts or ".." in parts:
        return "is not normalised: it has an empty, '.' or '..' part"
    # A file name that is not valid UTF-8 reaches us with lone surrogates in it (PEP 383)
    return "" if _encodable(name) else "is not valid UTF-8"


def _encodable(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
