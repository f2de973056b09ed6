"""Hash all files of the cache again, and remove what is not what it should be: disks forget, and people edit."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from carton_runtime.errors import StorageError
from carton_runtime.events import OnEvent, Step, step
from carton_runtime.storage.cache.inventory import Inventory, Model
from carton_runtime.storage.cache.verdicts import is_verified, mark_verified, take_back

_CHUNK = 4 << 20


@dataclass(frozen=True)
class Damage:
    """A file that was not what it should be, and is not in the cache any more.

    Attributes:
        path: where it was.
        sha256: the hash that it should have.
        found: the hash that it had; `None` when it could not be read.
        models: the titles of the models that have it; each fetches it again when it is next loaded.
    """

    path: Path
    sha256: str
    found: str | None
    models: tuple[str, ...]


@dataclass(frozen=True)
class _Check:
    path: Path
    sha256: str
    size: int
    models: tuple[str, ...]


def verify(root: Path, on_event: OnEvent | None = None) -> list[Damage]:
    """Read and hash every file of the cache at `root`; what is damaged is removed and given back.

    A file that was touched and is right all the same counts as checked again.

    Args:
        root: the cache's folder.
        on_event: told of the step ``cache.verify``.

    Raises:
        StorageError: the cache cannot be read, or what is damaged not removed.
    """
    checks = list(_checks(Inventory.take(root)))
    total = sum(check.size for check in checks)
    with step("cache.verify", f"checking {len(checks)} files", total=total, on_event=on_event) as running:
        hashing = _Hashing(running)
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="ThreadPoolExecutor-verify") as pool:
            try:
                found = list(pool.map(hashing.of, [check.path for check in checks]))
            except BaseException:
                hashing.stop.set()
                raise
    return [
        Damage(check.path, check.sha256, sha256, check.models)
        for check, sha256 in zip(checks, found, strict=True)
        if not _settle(check, sha256)
    ]


def _checks(inventory: Inventory) -> Iterator[_Check]:
    for inode, file in inventory.stored.items():
        models = tuple(model.folder.title for model in inventory.models if inode in model.linked)
        yield _Check(file.path, file.path.name, file.size, models)
    for model in inventory.models:
        yield from _own_checks(model, inventory)


def _own_checks(model: Model, inventory: Inventory) -> Iterator[_Check]:
    """The files of a model that are no links to the store: copies, or what the store has lost."""
    for name, sha256 in model.folder.files.items():
        path = model.folder.path / name
        with contextlib.suppress(OSError):  # it is not there, so that the next load puts it there
            stat = path.lstat()
            if stat.st_ino not in inventory.stored and not path.is_symlink():
                yield _Check(path, sha256, stat.st_size, (model.folder.title,))


class _Hashing:
    """Hashes files, in several threads at once."""

    def __init__(self, running: Step) -> None:
        self.stop = threading.Event()
        self._running = running
        self._turn = threading.Lock()

    def of(self, path: Path) -> str | None:
        """The hash of a file; `None` when it cannot be read."""
        digest = hashlib.sha256()
        try:
            with path.open("rb", buffering=0) as file:
                while not self.stop.is_set() and (chunk := file.read(_CHUNK)):
                    digest.update(chunk)
                    with self._turn:
                        self._running.advance(len(chunk), path.name)
        except OSError:
            return None
        return digest.hexdigest()


def _settle(check: _Check, found: str | None) -> bool:
    """Remember what was found about a file; whether it is right, or was removed by somebody meanwhile."""
    if found == check.sha256:
        with contextlib.suppress(OSError):  # it has gone, or is not ours to mark: then who needs it fetches it again
            if not is_verified(check.path):
                mark_verified(check.path)
        return True
    try:
        take_back(check.path)  # under its other names too
        check.path.unlink()
    except FileNotFoundError:
        return True
    except OSError as error:
        raise StorageError(f"{check.path} is damaged and cannot be removed: {error.strerror}") from error
    return False
