"""Folders of the cache: one for each carton, made of links to its files, and one for each model run unpacked."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carton_runtime.storage.cache.troubles import cannot_write
from carton_runtime.storage.locks import FILE, Lock, lock, lock_blocking, try_lock

MODELS = "models"
UNPACKED = "unpacked"
_TURN = ".lock"
_ABOUT = ".about.json"


class Lease:
    """Keeps a folder of the cache from being removed, for as long as it is held or this process lives.

    Attributes:
        folder: what is kept.
        remark: what the user should know; nothing.
    """

    remark = ""

    def __init__(self, folder: ModelFolder, held: Lock) -> None:
        self.folder = folder
        self._lock = held

    def release(self) -> None:
        """The folder is not needed any more, and was in use until now; a second time does nothing."""
        if self._lock.descriptor >= 0:
            self.folder.touch()
        self._lock.release()


@dataclass(frozen=True)
class ModelFolder:
    """What the cache has of one carton, or of one model that was not packed.

    Whoever uses it has a shared lock on the folder, and whoever removes it an exclusive one. Whoever writes to it has
    both a shared lock and the turn.
    """

    path: Path

    @classmethod
    def of(cls, root: Path, name: str, kind: str = MODELS) -> ModelFolder:
        """The folder of that name of the cache at `root`; `kind` is `MODELS` or `UNPACKED`."""
        return cls(root / kind / name)

    async def lease(self) -> Lease:
        """Keep it from being removed, made anew if it is not there, and note that it is used.

        Raises:
            StorageError: it cannot be made; `CacheNotWritableError` when it never can.
        """
        try:
            held = await self._held()
        except OSError as error:
            raise cannot_write(self.path.parent.parent, error) from error
        self.touch()
        return Lease(self, held)

    def touch(self) -> None:
        """Note that it is used."""
        with contextlib.suppress(OSError):  # a cache that may only be read has no order in which things go
            os.utime(self.path)

    async def _held(self) -> Lock:
        while True:
            self.path.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # it was removed in this very moment
                return await lock(self.path, shared=True)

    def turn_blocking(self) -> Lock:
        """`turn`, waiting in this thread."""
        try:
            return lock_blocking(self.path / _TURN, flags=FILE)
        except OSError as error:
            raise cannot_write(self.path.parent.parent, error) from error

    async def turn(self) -> Lock:
        """Hold the right to write to it; waits while another process does. Raises as `lease` does."""
        try:
            return await lock(self.path / _TURN, flags=FILE)
        except OSError as error:
            raise cannot_write(self.path.parent.parent, error) from error

    def try_turn(self) -> Lock | None:
        """Hold the right to write to it; `None` while another process does. Raises as `lease` does."""
        try:
            return try_lock(self.path / _TURN, flags=FILE)
        except OSError as error:
            raise cannot_write(self.path.parent.parent, error) from error

    def describe(self, title: str, files: Mapping[str, str]) -> None:
        """Note what it is; by whoever has the turn.

        Args:
            title: what to call it.
            files: path below it → sha256, for each file that it should have.
        """
        beside = self.path / f"{_ABOUT}.new"
        try:
            beside.write_text(json.dumps({"title": title, "files": dict(files)}), encoding="utf-8")
            beside.replace(self.path / _ABOUT)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise cannot_write(self.path.parent.parent, error) from error

    @property
    def title(self) -> str:
        """What to call it: its name, where nothing better is known."""
        title = self._about().get("title")
        return title if isinstance(title, str) and title else self.path.name[:12]

    @property
    def files(self) -> dict[str, str]:
        """Path below it → sha256, for each file that it should have; empty where that is not known."""
        files = self._about().get("files")
        return {str(path): str(sha256) for path, sha256 in files.items()} if isinstance(files, dict) else {}

    def _about(self) -> dict[str, Any]:
        try:
            about = json.loads((self.path / _ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return about if isinstance(about, dict) else {}

    @property
    def used_at(self) -> float:
        """When it was last used, in seconds of `time.time`. Raises `OSError` when it is gone."""
        return self.path.stat().st_mtime

    @property
    def is_in_use(self) -> bool:
        """Whether a process uses it now."""
        try:
            held = try_lock(self.path)
        except OSError:
            return False
        if held is None:
            return True
        held.release()
        return False

    def remove(self) -> bool:
        """Remove it with all that is in it, unless it is in use; whether it is gone. Raises `OSError`."""
        try:
            held = try_lock(self.path)
        except FileNotFoundError:
            return True
        if held is None:
            return False
        with held:
            shutil.rmtree(self.path)
        return True

    def remove_if_empty(self) -> None:
        """Remove it if nothing was put there and nobody uses it."""
        with contextlib.suppress(OSError):  # then it is found and removed by the next who makes room
            if all(name.startswith((_TURN, _ABOUT)) for name in os.listdir(self.path)):  # noqa: PTH208  names matter
                self.remove()
