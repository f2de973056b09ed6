"""From what a person types to an opened carton."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

from carton_runtime.contents.base import Contents
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.directory import open_directory
from carton_runtime.contents.zipped import ZippedContents
from carton_runtime.errors import FormatError, StorageError
from carton_runtime.format.manifest import MANIFEST
from carton_runtime.storage.local import LocalFile


async def open_carton(location: str | os.PathLike[str]) -> CartonFiles:
    """Open a carton: a zip or an unpacked directory, by path or ``file:`` URL.

    Raises:
        FormatError: it is no carton, or a broken one.
        IntegrityError: its description is not what its MANIFEST promises.
        StorageError: there is nothing there, or it cannot be read.
    """
    return await CartonFiles.open(await _open_contents(_path(check_location(location))))


def check_location(location: object) -> str:
    """A path or URL as text.

    Raises:
        StorageError: it is of another kind, or empty.
    """
    text = os.fspath(location) if isinstance(location, os.PathLike) else location
    if not isinstance(text, str) or not text or "\0" in text:
        raise StorageError(f"{location!r} is no place for a model; give a path or URL, as a string or a pathlib.Path")
    return text


async def _open_contents(path: Path) -> Contents:
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            return await ZippedContents.open(LocalFile(path))
        _check_carton(path)
        return await open_directory(path)
    except FileNotFoundError as error:
        raise StorageError(f"{path} does not exist (looked in {Path.cwd()})") from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error


def _check_carton(folder: Path) -> None:
    """Refuse a folder that is none before all of it is listed."""
    names = os.listdir(folder)  # noqa: PTH208  names are all that matters
    if MANIFEST in names:
        return
    has_code = any(name.endswith(".py") or name == "requirements.txt" for name in names)
    hint = "; it looks like a model that was not packed, so use load_unpacked, or pack it first" if has_code else ""
    raise FormatError(f"{folder} is no carton: it has no {MANIFEST}{hint}")


def local_path(location: object) -> Path:
    """A path on this machine. Raises as `check_location` does."""
    text = check_location(location)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # of a user whom nobody knows
        raise StorageError(f"{text} cannot be read: {error}") from error


def _path(location: str) -> Path:
    try:
        parts = urlsplit(location)
    except ValueError as error:  # half an IPv6 address
        raise StorageError(f"{location} cannot be read: {error}") from error
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise StorageError(f"{location} is on another machine, {parts.netloc}; copy the carton and give its path")
        return Path(unquote(parts.path))
    if "://" in location:
        raise StorageError(
            f"{parts.scheme}: locations cannot be read by this release; download the carton and give its path"
        )
    return local_path(location)
