"""From what a person types to an opened carton."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from carton_runtime.contents.base import Contents
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.directory import open_directory
from carton_runtime.contents.zipped import ZippedContents
from carton_runtime.errors import StorageError
from carton_runtime.storage.local import LocalFile


async def open_carton(location: str | os.PathLike[str]) -> CartonFiles:
    """Open a carton: a zip or an unpacked directory, by path or ``file:`` URL.

    Raises:
        FormatError: it is no carton, or a broken one.
        IntegrityError: its description is not what its MANIFEST promises.
        StorageError: there is nothing there, or it cannot be read.
    """
    return await CartonFiles.open(await _open_contents(os.fspath(location)))


async def _open_contents(location: str) -> Contents:
    path = _path(location)
    if not path.exists():
        raise StorageError(f"{location} does not exist (looked in {Path.cwd()})")
    return await open_directory(path) if path.is_dir() else await ZippedContents.open(LocalFile(path))


def _path(location: str) -> Path:
    scheme = urlsplit(location).scheme
    if scheme == "file":
        return Path(unquote(urlsplit(location).path))
    if "://" in location:
        raise StorageError(f"{scheme}: locations cannot be read by this release; download the carton and give its path")
    return Path(location).expanduser()
