"""Reading the lines of a ``requirements.txt``."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

_EGG = re.compile(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)")
_REST = re.compile(r"(?:^|\s)#|\s--")  # a comment, or options of the requirement such as its hashes


def required_name(line: str) -> str | None:
    """The normalised name of the package that a line always requires, as far as the line itself says it.

    Options, comments and blank lines have none, and neither has a requirement under a marker: where that is false, the
    package is not required.
    """
    text = _REST.split(line.strip(), maxsplit=1)[0].rstrip("\\").strip()
    if line.lstrip().startswith("-"):
        named = _EGG.search(line)
        return canonicalize_name(named[1]) if named else None
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return _wheel_name(text)
    return canonicalize_name(requirement.name) if requirement.marker is None else None


def _wheel_name(text: str) -> str | None:
    try:
        return parse_wheel_filename(text.split("#", maxsplit=1)[0].rsplit("/", 1)[-1])[0]
    except ValueError:
        return None
