"""What `tomllib` does not tell about a TOML text: where a key stands, and whether one is too long for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
"""Keys and list positions that lead from the top of a file to a value."""

_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
# Text in which dots are no keys, and words, so that no search begins within one
_PASSED = r'''"""[\s\S]*?"""|\'{3}[\s\S]*?\'{3}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|\#[^\n]*|[A-Za-z0-9_-]+'''
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_KEY = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=")


def line_of(source: str, path: KeyPath) -> int | None:
    """The 1-based line where `path`, or the innermost table around it that can be found, begins.

    Text inside strings of several lines may be taken for keys; nothing but the line in a message depends on it.
    """
    best, length = None, 0
    for line, found in _paths(source):
        common = len(found) if path[: len(found)] == found else 0
        if common > length:
            best, length = line, common
    return best


def has_longer_key(source: str, limit: int) -> bool:
    """Whether a dotted key has more than `limit` parts; `tomllib` takes time in the square of their number."""
    if source.count(".") < limit:
        return False
    run = rf"(?P<run>(?:{_PART}[ \t]*\.[ \t]*){{{limit}}})"
    return any(match["run"] for match in re.finditer(rf"{run}|{_PASSED}", source))


def _paths(source: str) -> Iterator[tuple[int, KeyPath]]:
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, text in enumerate(source.split("\n"), 1):
        if header := _HEADER.match(text):
            table = _enter(header[1] == "[[", _parts(header[2]), counts)
            yield number, table
        elif key := _KEY.match(text):
            yield number, table + _parts(key[1])


def _enter(is_array: bool, parts: tuple[str, ...], counts: dict[KeyPath, int]) -> KeyPath:
    path: KeyPath = ()
    for position, part in enumerate(parts):
        path += (part,)
        if is_array and position == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path += (counts[path],)
    return path


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_PART, text))
