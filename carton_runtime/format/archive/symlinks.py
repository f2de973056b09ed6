"""Symlinks in an archive: entries whose content is the path, relative to their own folder, of what they point to."""

from __future__ import annotations

from posixpath import normpath

from carton_runtime.errors import FormatError
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import safe_path


def symlink_target(entry_name: str, content: bytes, limits: Limits = DEFAULTS) -> str:
    """The path inside the archive that a symlink points to, normalised.

    Args:
        entry_name: the symlink's own path.
        content: what the entry holds.
        limits: how long a target may be.

    Raises:
        FormatError: the target is absolute, leaves the archive, is the archive itself, too long, or no path at all.
    """
    if len(content) > limits.path_length:
        raise limits.excess("path_length", f"is a symlink whose target has {len(content):,} bytes", where=entry_name)
    try:
        target = content.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"is a symlink whose target is not UTF-8: {content[:80]!r}", where=entry_name) from None
    return _inside(entry_name, target)


def _inside(entry_name: str, target: str) -> str:
    if not target or target.startswith("/"):
        raise FormatError(f"is a symlink to {target[:200]!r}; its target must be a relative path", where=entry_name)
    # By text, as the format means it. What other symlinks on the way point to is checked where links are followed
    folder = entry_name.rpartition("/")[0]
    path = normpath(f"{folder}/{target}" if folder else target)
    if path == "." or path.split("/", 1)[0] == "..":
        raise FormatError(f"is a symlink to {target[:200]!r}, which lies outside the carton", where=entry_name)
    return safe_path(path, where=entry_name)
