"""Keeping the cache small: what was not used for longest goes first, and what is in use never."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from carton_runtime.storage.cache.inventory import Inventory, Model, Stored
from carton_runtime.storage.cache.partial import kept_files
from carton_runtime.storage.cache.troubles import no_space
from carton_runtime.storage.locks import try_lock

_LOGGER = logging.getLogger(__name__)
_STALE = 7 * 24 * 3600.0  # seconds after which nobody is expected to take up what broke off


def make_room(root: Path, needed: int, limit: int) -> None:
    """Remove what was not used for longest, until `needed` bytes more fit in `limit` bytes, and on the disk.

    What is in use stays even if the cache is too large then: a model that is larger than `limit` can be loaded.

    Raises:
        StorageError: the disk has no room for it, whatever is removed.
    """
    if not root.is_dir():
        return _check_disk(root, needed)
    inventory = Inventory.take(root)
    if needed > _free(root) + inventory.size:
        return _check_disk(root, needed)  # nothing is removed for something that cannot be had anyway
    excess = max(inventory.size + needed - limit, needed - _free(root))
    _remove_oldest(inventory, lambda freed, _: freed < excess)
    evict_partial(inventory, before=time.time() - _STALE)
    return _check_disk(root, needed)


def evict(root: Path, *, to_size: int = 0, before: float | None = None) -> int:
    """Remove what is not in use, what was not used for longest first.

    Args:
        root: the cache's folder.
        to_size: bytes to leave.
        before: leave what was used after this moment, in seconds of `time.time`; `None` for anything.

    Returns:
        Bytes that were freed.
    """
    inventory = Inventory.take(root)
    excess = inventory.size - to_size
    return _remove_oldest(inventory, lambda freed, used_at: freed < excess and (before is None or used_at < before))


@dataclass(frozen=True)
class _Candidate:
    used_at: float
    remove: Callable[[], int]


def _remove_oldest(inventory: Inventory, is_wanted: Callable[[int, float], bool]) -> int:
    """Remove candidates for as long as `is_wanted` says so of what was freed and of when the next was used."""
    freed = 0
    for candidate in sorted(_candidates(inventory), key=lambda candidate: candidate.used_at):
        if not is_wanted(freed, candidate.used_at):
            break
        freed += candidate.remove()
    return freed


def _candidates(inventory: Inventory) -> Iterator[_Candidate]:
    for model in (*inventory.models, *inventory.unpacked):
        yield _Candidate(model.used_at, partial(_remove_model, model, inventory))
    for file in inventory.stored.values():
        if file.names == 1:
            yield _Candidate(file.used_at, partial(_remove_unlinked, file))
    for path, size, used_at in inventory.partial:
        yield _Candidate(used_at, partial(_remove_partial, path, size))


def _remove_model(model: Model, inventory: Inventory) -> int:
    try:
        if not model.folder.remove():
            return 0
    except OSError as error:
        _LOGGER.warning("%s cannot be removed from the cache: %s", model.folder.path, error)
        return 0
    return model.own_size + sum(_remove_unlinked(inventory.stored[inode]) for inode in model.linked)


def _remove_unlinked(file: Stored) -> int:
    """Remove a file of the store that nothing links to; bytes that this frees.

    Somebody may link to it in this very moment. Then it has that name, and the store fetches it when it needs it again.
    """
    try:
        if file.path.stat().st_nlink > 1:
            return 0
        file.path.unlink()
    except OSError:
        return 0
    with contextlib.suppress(OSError):  # there are others in it
        file.path.parent.rmdir()
    return file.size


def evict_partial(inventory: Inventory, before: float) -> None:
    """Remove the beginnings of files that did not grow since `before` and that nobody is fetching."""
    for path, size, used_at in inventory.partial:
        if used_at < before:
            _remove_partial(path, size)


def _remove_partial(path: Path, size: int) -> int:
    main = path.with_suffix("")  # what travels is kept beside the file, whose lock is the one that counts
    try:
        held = try_lock(main, flags=os.O_RDWR | os.O_CREAT)
        if held is None:
            return 0
        with held:
            for file in (*kept_files(main), main):
                file.unlink(missing_ok=True)
    except OSError:
        return 0
    return size


def _free(root: Path) -> int:
    return shutil.disk_usage(root).free


def _check_disk(root: Path, needed: int) -> None:
    there = next(folder for folder in (root, *root.parents) if folder.is_dir())
    free = _free(there)
    if free < needed:
        raise no_space(root, f"{needed / 1e6:,.1f} MB are needed and {free / 1e6:,.1f} MB are free")
