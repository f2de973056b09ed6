"""The cache of files taken out of cartons: what is in it, what it takes, and how to make it smaller.

::

    from carton_runtime import cache

    for model in cache.models():
        print(model.title, model.size, model.used_at)
    cache.prune(to_size="10 GB")

It keeps to `Settings.cache_size` by itself. These are plain functions that work on the disk and return when they are
done; `verify` reads all of it, so that a notebook may want ``await asyncio.to_thread(cache.verify)``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from carton_runtime.errors import SettingsError
from carton_runtime.events import OnEvent
from carton_runtime.settings import Settings
from carton_runtime.sizes import parse_size
from carton_runtime.storage.cache.eviction import evict
from carton_runtime.storage.cache.inventory import Inventory
from carton_runtime.storage.cache.verifying import Damage
from carton_runtime.storage.cache.verifying import verify as _verify

__all__ = ["CachedModel", "Damage", "models", "prune", "size", "verify"]


@dataclass(frozen=True)
class CachedModel:
    """A model that is in the cache.

    Attributes:
        title: its name; the beginning of its hash, if it has none.
        model_hash: the sha256 of its carton's MANIFEST.
        size: bytes in its files; those that it shares with other models count for each of them.
        used_at: when it was last loaded.
        in_use: whether a process has it loaded now.
        path: where it is.
    """

    title: str
    model_hash: str
    size: int
    used_at: datetime
    in_use: bool
    path: Path


def models() -> list[CachedModel]:
    """The models in the cache, the last used first. Raises `StorageError` when it may not be read."""
    found = [
        CachedModel(
            title=model.folder.title,
            model_hash=model.folder.path.name,
            size=model.own_size + model.linked_size,
            used_at=datetime.fromtimestamp(model.used_at, UTC),
            in_use=model.folder.is_in_use,
            path=model.folder.path,
        )
        for model in Inventory.take(_root()).models
    ]
    return sorted(found, key=lambda model: model.used_at, reverse=True)


def size() -> int:
    """Bytes that the cache takes, what several models share counted once. Raises as `models` does."""
    return Inventory.take(_root()).size


def prune(*, to_size: int | str = 0, older_than: timedelta | None = None) -> int:
    """Remove what is not in use, what was not used for longest first; what is loaded stays, whoever has loaded it.

    Args:
        to_size: what to leave, in bytes or as ``"10 GB"``; nothing unless given.
        older_than: leave what was used since then; `None` for anything.

    Returns:
        Bytes that were freed.

    Raises:
        SettingsError: `to_size` is no amount, or `older_than` no `timedelta`.
        StorageError: the cache may not be read.
    """
    before = None if older_than is None else time.time() - _seconds(older_than)
    is_nothing = type(to_size) is int and to_size == 0  # which `None` and an empty text are not
    return evict(_root(), to_size=0 if is_nothing else parse_size(to_size), before=before)


def verify(on_event: OnEvent | None = None) -> list[Damage]:
    """Hash every file in the cache again, and remove what is damaged; models fetch it when they are next loaded.

    Args:
        on_event: told of the step ``cache.verify``.

    Returns:
        What was damaged; empty when all is well.

    Raises:
        StorageError: the cache may not be read, or what is damaged not removed.
    """
    return _verify(_root(), on_event)


def _seconds(age: object) -> float:
    if not isinstance(age, timedelta):
        raise SettingsError(f"older_than={age!r} is no datetime.timedelta; give one, such as timedelta(days=7)")
    return age.total_seconds()


def _root() -> Path:
    return Settings.load().cache_dir
