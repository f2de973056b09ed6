"""From what a person types to an opened carton."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from carton_runtime.contents.base import Contents
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.directory import open_directory
from carton_runtime.contents.far_directory import FarDirectoryContents, manifest_source
from carton_runtime.contents.glance import Glance
from carton_runtime.contents.glancing import glance_at
from carton_runtime.contents.limiting import limits_of
from carton_runtime.contents.zipped import ZippedContents
from carton_runtime.errors import FormatError, StorageError
from carton_runtime.format.limits import Limits
from carton_runtime.format.manifest import MANIFEST
from carton_runtime.settings import Settings
from carton_runtime.storage.base import Folder, Source
from carton_runtime.storage.local import LocalFile
from carton_runtime.storage.locate import locate


async def open_carton(location: str | os.PathLike[str], settings: Settings) -> CartonFiles:
    """Open a carton: a zip by path or URL, or an unpacked directory by path or URL, which ends with a slash.

    Raises:
        FormatError: it is no carton, or a broken one.
        IntegrityError: its description is not what its MANIFEST promises.
        StorageError: there is nothing there, or it cannot be read.
    """
    # In a thread, since it imports what reads there, and file systems of fsspec's may ask around.
    return await _open(await asyncio.to_thread(locate, location, settings), settings)


async def look_at_carton(location: str | os.PathLike[str], settings: Settings) -> CartonFiles | Glance:
    """What a carton says about itself; one that is far away and has very many files is not opened for that.

    Raises as `open_carton` does.
    """
    place = await asyncio.to_thread(locate, location, settings)
    if isinstance(place, Path):
        return await _open(place, settings)
    try:
        return await glance_at(place, settings) or await _open(place, settings)
    except BaseException:
        await place.aclose()
        raise


async def _open(place: Path | Source | Folder, settings: Settings) -> CartonFiles:
    limits = limits_of(settings)
    if isinstance(place, Path):
        contents = await _open_path(place, limits)
    else:
        contents = await (_open_zip(place, limits) if isinstance(place, Source) else _open_folder(place, limits))
    try:
        return await CartonFiles.open(contents, settings)
    except BaseException:
        await contents.aclose()
        raise


async def _open_path(path: Path, limits: Limits) -> Contents:
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            return await _open_zip(LocalFile(path), limits)
        _check_carton(path)
        return await open_directory(path, limits)
    except FileNotFoundError as error:
        where = "" if path.is_absolute() else f" (looked in {Path.cwd()})"
        raise StorageError(f"{path} does not exist{where}") from error
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error


async def _open_zip(source: Source, limits: Limits) -> Contents:
    try:
        return await ZippedContents.open(source, limits)
    except BaseException:
        await source.aclose()
        raise


async def _open_folder(folder: Folder, limits: Limits) -> Contents:
    try:
        opened = {MANIFEST: await manifest_source(folder)}  # before all of what may be somebody's bucket is listed
        return await FarDirectoryContents.open(folder, opened, limits)
    except BaseException:
        await folder.aclose()
        raise


def _check_carton(folder: Path) -> None:
    """Refuse a folder that is none before all of it is listed."""
    names = os.listdir(folder)  # noqa: PTH208  names are all that matters
    if MANIFEST in names:
        return
    has_code = any(name.endswith(".py") or name == "requirements.txt" for name in names)
    hint = "; it looks like a model that was not packed, so use load_unpacked, or pack it first" if has_code else ""
    raise FormatError(f"{folder} is no carton: it has no {MANIFEST}{hint}")
