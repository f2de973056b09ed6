"""That a file's bytes were checked, remembered by the file itself."""

from __future__ import annotations

import os
from pathlib import Path

from carton_runtime.errors import IntegrityError

VERIFIED = 315_532_800
"""The time of change of a file whose bytes were checked: 1980-01-01 UTC, in seconds."""


def check_digest(found: str, promised: str, what: str) -> None:
    """Compare two sha256, in hex.

    Raises:
        IntegrityError: they differ.
    """
    if found != promised:
        raise IntegrityError(
            f"{what} has sha256 {found}, the MANIFEST promises {promised}; the carton is damaged, get it again"
        )


def is_verified(path: Path, size: int | None = None) -> bool:
    """Whether a file is there whose bytes were checked and not touched since.

    Args:
        path: the file.
        size: bytes that it should have, where that is known: after a power cut a file may be shorter than it was.
    """
    try:
        stat = path.lstat()
    except OSError:
        return False
    return stat.st_mtime_ns == VERIFIED * 10**9 and size in (None, stat.st_size)


def mark_verified(path: Path) -> None:
    """Remember that the file's bytes were checked, and keep writers away who do not mean it."""
    path.chmod(0o444)
    os.utime(path, (VERIFIED, VERIFIED))


def take_back(path: Path) -> None:
    """Forget that the file's bytes were checked, under all its names."""
    os.utime(path)
