"""A cache in a temporary folder, for what the real one cannot take."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path

from carton_runtime.errors import StorageError
from carton_runtime.storage.locks import Lock, try_lock

_PREFIX = "carton-model-"


class TemporaryCache:
    """A temporary folder that goes with this object, or with this process; or with the next that makes one.

    Attributes:
        path: the folder.

    Raises:
        StorageError: it cannot be made.
    """

    def __init__(self) -> None:
        try:
            _remove_abandoned(Path(tempfile.gettempdir()))
            self.path, held = _new_folder()
        except OSError as error:
            raise StorageError(f"neither the cache nor the temporary folder can be written: {error}") from error
        self._finalizer = weakref.finalize(self, _remove, self.path, held, os.getpid())

    def release(self) -> None:
        """Remove it; a second time does nothing."""
        self._finalizer()


def _new_folder() -> tuple[Path, Lock]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with contextlib.suppress(FileNotFoundError):
            if (held := try_lock(folder)) is not None:
                return folder, held
        # Another process took it for abandoned, before we could say that it is not.


def _remove(folder: Path, held: Lock, owner: int) -> None:
    if os.getpid() == owner:  # and not a process that was forked from it
        shutil.rmtree(folder, ignore_errors=True)
        held.release()


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of processes of this user's that died before they could."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # it has gone meanwhile
            found = folder.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                _remove_unlocked(folder)


def _remove_unlocked(folder: Path) -> None:
    held = try_lock(folder)
    if held is not None:
        with held:
            shutil.rmtree(folder, ignore_errors=True)
