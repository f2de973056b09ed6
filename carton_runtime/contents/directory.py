"""A carton that is a directory: what a zip would hold, unpacked."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from carton_runtime.contents.base import Contents
from carton_runtime.errors import FormatError, StorageError
from carton_runtime.format.archive import symlink_target
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import safe_join
from carton_runtime.storage.delivery import Delivery
from carton_runtime.storage.local import LocalFile


class DirectoryContents(Contents):
    """The files below a directory."""

    def __init__(self, root: Path, limits: Limits = DEFAULTS) -> None:
        self.name = str(root)
        self.limits = limits
        self.is_local = True
        self._root = root
        self._sizes = dict(sorted(_sizes(root, limits)))

    @property
    def paths(self) -> Collection[str]:
        """All files and symlinks."""
        return self._sizes.keys()

    def size(self, path: str) -> int:
        """How many bytes a file has."""
        return self._sizes[path]

    async def link_target(self, path: str) -> str | None:
        """The path that a symlink points to; `None` for a file."""
        file = safe_join(self._root, path)
        return symlink_target(path, os.fsencode(file.readlink()), self.limits) if file.is_symlink() else None

    async def deliver(self, path: str) -> Delivery:
        """What brings a file: the file itself."""
        # What was a file when the folder was listed may be a link by now
        source = LocalFile(safe_join(self._root, path), follow_links=False)
        size = await source.size()
        if size != self._sizes[path]:  # which was checked against what is allowed
            raise StorageError(f"{source.name} changed while the carton was read; start again")
        return Delivery(lambda offset: source.stream(offset, size - offset), size)

    async def aclose(self) -> None:
        """Nothing is held."""


def _sizes(root: Path, limits: Limits) -> Iterator[tuple[str, int]]:
    """The files and symlinks below a folder, and how many bytes they have."""
    count = total = 0
    for path, found in _walk(root):
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode)):
            raise FormatError(f"{root / path} is neither a file nor a symlink")
        count, total = count + 1, total + found.st_size
        if count > limits.entries:
            raise limits.excess("entries", f"{root} holds {count:,} files or more")
        if total > limits.expanded_size:
            raise limits.excess("expanded_size", f"{root} holds {total:,} bytes or more")
        yield path, found.st_size


def _walk(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    for folder, folders, files in os.walk(root, onerror=_refuse):
        for name in folders:
            if (Path(folder) / name).is_symlink():
                raise FormatError(f"{Path(folder) / name} is a link to a folder, which no carton holds")
        for name in files:
            file = Path(folder) / name
            yield file.relative_to(root).as_posix(), file.lstat()


def _refuse(error: OSError) -> None:
    raise StorageError(f"{error.filename} cannot be read: {error.strerror}") from error


async def open_directory(root: Path, limits: Limits = DEFAULTS) -> DirectoryContents:
    """List the directory's files.

    Raises:
        FormatError: it holds a symlink to a folder, something that is no file, or more than `limits` allow.
        StorageError: a folder in it cannot be read.
    """
    return await asyncio.to_thread(DirectoryContents, root, limits)
