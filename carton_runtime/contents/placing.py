"""Put a carton's model where its runner can use it: a directory of links into the cache."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.filling import Filling
from carton_runtime.errors import StorageError
from carton_runtime.events import OnEvent, step
from carton_runtime.storage.cache import CacheNotWritableError, ContentStore, Lease, ModelFolder, make_room, sweep
from carton_runtime.storage.cache.temporary import TemporaryCache
from carton_runtime.storage.cache.threads import in_thread
from carton_runtime.storage.locks import Lock

_LOGGER = logging.getLogger(__name__)

MODEL_PACKAGE = "_carton_model_module"
"""The name of the directory: the package that Python models find themselves in."""

_UNLIMITED = 1 << 62


class PlacedModel:
    """A model's files, there for as long as this is not released.

    Attributes:
        path: the directory.
        remark: what the user should know; empty most often.
    """

    def __init__(self, path: Path, lease: Lease) -> None:
        self.path = path
        self.remark = ""
        self._held: list[Lease | TemporaryCache] = [lease]

    def keep(self, temporary: TemporaryCache, remark: str) -> None:
        """Let go of a temporary folder together with the files, which are in it."""
        self._held.append(temporary)
        self.remark = remark

    def release(self) -> None:
        """The files are not needed any more; a second time does nothing."""
        for held in self._held:
            held.release()


async def place_model(
    files: CartonFiles, cache_dir: Path, cache_size: int = _UNLIMITED, on_event: OnEvent | None = None
) -> PlacedModel:
    """The directory with the model's files, all checked; what is there from before is used again.

    Where the cache may not be written, the files that it lacks go to a temporary directory.

    Args:
        files: the carton.
        cache_dir: the cache.
        cache_size: bytes that it should not grow beyond.
        on_event: told of the steps ``model.wait`` and ``model.fetch``.

    Raises:
        IntegrityError: a file is not what the MANIFEST promises.
        FormatError: the archive is damaged.
        StorageError: the carton cannot be read, or the cache not written.
    """
    try:
        return await _place(files, ContentStore(cache_dir), cache_dir, cache_size, on_event)
    except CacheNotWritableError as error:
        return await _place_aside(files, cache_dir, error, on_event)


async def _place(
    files: CartonFiles, store: ContentStore, cache_dir: Path, cache_size: int, on_event: OnEvent | None
) -> PlacedModel:
    folder = ModelFolder.of(cache_dir, files.manifest.model_hash)
    filling = Filling(files, store, folder.path / MODEL_PACKAGE)
    lease = await folder.lease()
    try:
        if await in_thread(filling.missing):
            with await _turn(folder, on_event):
                await _fill(filling, folder, files, partial(make_room, cache_dir, limit=cache_size), on_event)
    except BaseException:
        lease.release()
        await in_thread(folder.remove_if_empty)
        raise
    return PlacedModel(folder.path / MODEL_PACKAGE, lease)


async def _turn(folder: ModelFolder, on_event: OnEvent | None) -> Lock:
    turn = folder.try_turn()
    if turn is None:
        with step("model.wait", "another process is fetching this model", on_event=on_event):
            turn = await folder.turn()
    return turn


async def _fill(
    filling: Filling, folder: ModelFolder, files: CartonFiles, room: partial[None], on_event: OnEvent | None
) -> None:
    missing = await in_thread(filling.missing)
    if not missing:  # another process has placed it meanwhile
        return
    try:
        await in_thread(_prepare, folder, files)
        await filling.fill(missing, room, on_event)
    except BaseException:
        await in_thread(filling.undo)
        raise


def _prepare(folder: ModelFolder, files: CartonFiles) -> None:
    sweep(folder.path)
    places = {f"{MODEL_PACKAGE}/{path.removeprefix('model/')}": sha256 for path, sha256 in files.model_files.items()}
    folder.describe(files.document.model_name or "", places)


async def _place_aside(
    files: CartonFiles, cache_dir: Path, reason: StorageError, on_event: OnEvent | None
) -> PlacedModel:
    _LOGGER.warning("%s; the files of this model go to a temporary folder", reason)
    temporary = await in_thread(TemporaryCache)
    try:
        store = ContentStore(temporary.path, beside=cache_dir)
        placed = await _place(files, store, temporary.path, _UNLIMITED, on_event)
    except BaseException:
        temporary.release()
        raise
    placed.keep(temporary, f"{reason}; its files are in a temporary folder, and fetched anew the next time")
    return placed
