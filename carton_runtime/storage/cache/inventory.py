"""What is in the cache, and what each part of it takes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from carton_runtime.errors import StorageError
from carton_runtime.storage.cache.folders import MODELS, UNPACKED, ModelFolder
from carton_runtime.storage.cache.store import FILES, PARTIAL

_DIGITS = re.compile("[0-9a-f]{2}")
_HASH = re.compile("[0-9a-f]{64}")
_PARTIAL = re.compile(r"[0-9a-f]{64}(\.[\w-]+)?")
_BLOCK = 512  # what st_blocks counts


@dataclass(frozen=True)
class Stored:
    """One file of the store.

    Attributes:
        path: where it is; its name is its sha256.
        size: bytes.
        names: how many names it has: one more than there are links to it.
        used_at: when a name was last added or taken away, in seconds of `time.time`.
    """

    path: Path
    size: int
    names: int
    used_at: float


@dataclass(frozen=True)
class Model:
    """The folder of one carton.

    Attributes:
        folder: where it is.
        used_at: when it was last used, in seconds of `time.time`.
        own_size: bytes that it takes beside files of the store.
        linked: the files of the store that it links to, by what identifies them on this disk.
        linked_size: bytes in these.
    """

    folder: ModelFolder
    used_at: float
    own_size: int
    linked: frozenset[int]
    linked_size: int


@dataclass(frozen=True)
class Inventory:
    """All that is in a cache at one moment.

    Attributes:
        stored: the files of the store, by what identifies them on this disk.
        models: the folders of cartons.
        unpacked: those of models that are run unpacked.
        partial: the beginnings of files, with their sizes and when they last grew.
    """

    stored: dict[int, Stored] = field(default_factory=dict)
    models: list[Model] = field(default_factory=list)
    unpacked: list[Model] = field(default_factory=list)
    partial: list[tuple[Path, int, float]] = field(default_factory=list)

    @classmethod
    def take(cls, root: Path) -> Inventory:
        """Look at the cache at `root`; what appears or goes meanwhile may be seen or not.

        Raises:
            StorageError: it may not be looked at.
        """
        try:
            return cls._taken_of(root)
        except OSError as error:
            raise StorageError(f"the cache at {root} cannot be read: {error}") from error

    @classmethod
    def _taken_of(cls, root: Path) -> Inventory:
        inventory = cls()
        # The original Carton keeps files of its own in this folder, in another way.
        for folder in _entries(root / FILES, _DIGITS):
            for entry in _entries(Path(folder.path), _HASH):
                _note(entry, inventory.stored)
        for entry in _entries(root / PARTIAL, _PARTIAL):
            with contextlib.suppress(FileNotFoundError):
                stat = entry.stat(follow_symlinks=False)
                inventory.partial.append((Path(entry.path), _taken(stat), stat.st_mtime))
        for kind, folders in ((MODELS, inventory.models), (UNPACKED, inventory.unpacked)):
            for entry in _entries(root / kind, _HASH):
                with contextlib.suppress(FileNotFoundError):
                    folders.append(_model(ModelFolder(Path(entry.path)), inventory.stored))
        return inventory

    @property
    def size(self) -> int:
        """Bytes in all, each file counted once however many names it has."""
        stored = sum(file.size for file in self.stored.values())
        own = sum(model.own_size for model in (*self.models, *self.unpacked))
        return stored + own + sum(size for _, size, _ in self.partial)


def _note(entry: os.DirEntry[str], stored: dict[int, Stored]) -> None:
    with contextlib.suppress(FileNotFoundError):
        stat = entry.stat(follow_symlinks=False)
        stored[stat.st_ino] = Stored(Path(entry.path), stat.st_size, stat.st_nlink, stat.st_ctime)


def _model(folder: ModelFolder, stored: dict[int, Stored]) -> Model:
    used_at, own, linked = folder.used_at, 0, set()
    for top, _, names in os.walk(folder.path):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                stat = os.lstat(os.path.join(top, name))  # noqa: PTH118  thousands of them
                if stat.st_ino in stored:
                    linked.add(stat.st_ino)
                else:
                    own += stat.st_size
    return Model(folder, used_at, own, frozenset(linked), sum(stored[inode].size for inode in linked))


def _taken(stat: os.stat_result) -> int:
    """Bytes on the disk: a file that is fetched from its end on would look larger than it is."""
    return min(stat.st_size, stat.st_blocks * _BLOCK)


def _entries(folder: Path, names: re.Pattern[str]) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from [entry for entry in entries if names.fullmatch(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return
