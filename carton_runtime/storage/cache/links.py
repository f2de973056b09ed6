"""One file under several names."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from pathlib import Path

from carton_runtime.errors import StorageError
from carton_runtime.storage.cache.troubles import cannot_write
from carton_runtime.storage.cache.verdicts import mark_verified

_BESIDE = ".tmp-"


def link(source: Path, destination: Path) -> None:
    """Make `destination` the same file as `source`, replacing what is there at once; a copy where links are impossible.

    Raises:
        FileNotFoundError: `source` is gone.
        StorageError: it cannot be written.
    """
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        if not _is_same(source, destination):
            _replace(source, destination)
    except FileNotFoundError:
        if source.exists():
            raise StorageError(f"{destination} cannot be written: its folder was removed meanwhile") from None
        raise
    except OSError as error:
        raise cannot_write(destination, error) from error


def sweep(folder: Path) -> None:
    """Remove what a process that was killed while it linked has left below a folder that nobody else writes to."""
    for top, _, names in os.walk(folder):
        for name in names:
            if name.startswith(_BESIDE):
                Path(top, name).unlink(missing_ok=True)


def _is_same(source: Path, destination: Path) -> bool:
    """Whether both are one file: a rename between two names of one file would do nothing, and leave both."""
    try:
        return not destination.is_symlink() and destination.samefile(source)
    except FileNotFoundError:
        return False


def _replace(source: Path, destination: Path) -> None:
    # Not after the destination, whose name may be as long as names can be.
    beside = destination.with_name(f"{_BESIDE}{os.getpid()}-{threading.get_ident()}")
    try:
        beside.unlink(missing_ok=True)
        try:
            beside.hardlink_to(source)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copyfile(source, beside)
            mark_verified(beside)
        beside.replace(destination)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
