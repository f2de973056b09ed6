"""Names of files inside a carton: one check, for zip entries, MANIFEST, misc files and tensor files alike.

A carton may be unpacked anywhere, so what is special on Windows or macOS alone is refused everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import Protocol, Self, TypeVar

from carton_runtime.errors import FormatError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"(?:^|/)[A-Za-z]:")  # in the middle as well: parts of a path are taken off its front
# Devices of Windows in every folder, whatever follows the first dot or colon
_DEVICE = re.compile(r"(?:^|/)(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[1-9¹²³]) *(?:[.:/]|$)", re.IGNORECASE)


class _Folder(Protocol):
    def joinpath(self, *parts: str) -> Self:
        """The path below this one; `pathlib` has it, which the format does not know."""


Folder = TypeVar("Folder", bound=_Folder)


def safe_path(name: str, *, where: str = "") -> str:
    """Return `name` unchanged when it is a normalised relative path that cannot leave the folder it is unpacked into.

    Args:
        name: the path, with ``/`` between its parts.
        where: what to name in the error.

    Raises:
        FormatError: the path is empty or absolute, has an empty, ``.`` or ``..`` part (or one that Windows takes for
            that), a drive letter, a device of Windows, a backslash, a control character such as NUL or a newline
            (``MANIFEST`` could not hold it), or characters that UTF-8 cannot hold.
    """
    reason = _unsafe(name)
    if reason:
        raise FormatError(f"the path {name[:200]!r} {reason}", where=where)
    return name


def safe_join(folder: Folder, name: str) -> Folder:
    """The path of a carton's file below `folder`. Raises as `safe_path` does: no path is made of an unsafe name."""
    return folder.joinpath(*safe_path(name).split("/"))


def check_distinct(names: Iterable[str], *, where: str = "") -> None:
    """Check that files of these names can lie in one folder, whether it tells cases and accents apart or not.

    Raises:
        FormatError: two are one name to some file system, or one lies below another, which is a file. Were that a
            symlink, the other would be written wherever it points to.
    """
    # With the least character in place of "/", whatever lies below a name comes right after it
    keys = sorted((clash_key(name).replace("/", "\0"), name) for name in names)
    for (key, name), (next_key, next_name) in pairwise(keys):
        if key == next_key:
            raise FormatError(f"holds {next_name!r} and {name!r}, which are one file on many systems", where=where)
        if next_key.startswith(f"{key}\0"):
            raise FormatError(f"{next_name!r} lies below {name!r}, which is no folder", where=where)


def clash_key(name: str) -> str:
    """The same text for all names that macOS or Windows may take for one file."""
    plain = name.isascii()  # nearly all are, and a carton may have a million
    folded = name.lower() if plain else unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
    # Windows leaves dots and spaces at the end of a name away
    return "/".join(part.rstrip(". ") for part in folded.split("/"))


def _unsafe(name: str) -> str:
    if not name:
        return "is empty"
    if "\\" in name or _CONTROL.search(name):
        return "contains a backslash, a NUL, a newline or another control character"
    if name.startswith("/") or _DRIVE.search(name):
        return "is absolute; paths in a carton are relative"
    if any(not part.rstrip(". ") for part in name.split("/")):
        return "is not normalised: it has an empty, '.' or '..' part"
    if _DEVICE.search(name):
        return "is a device on Windows, such as CON or NUL"
    # A file name that is not valid UTF-8 reaches us with lone surrogates in it (PEP 383)
    return "" if _encodable(name) else "is not valid UTF-8"


def _encodable(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
