"""Put a carton's model where its runner can use it: a directory of links into the cache."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import filelock

from carton_runtime.contents.carton import CartonFiles
from carton_runtime.errors import FormatError, IntegrityError, StorageError
from carton_runtime.events import OnEvent, step
from carton_runtime.storage.cache import ContentStore, is_verified, link

MODEL_PACKAGE = "_carton_model_module"
"""The name of the directory: the package that Python models find themselves in."""


async def place_model(files: CartonFiles, cache_dir: Path, on_event: OnEvent | None = None) -> Path:
    """The directory with the model's files, all checked; what is there from before is used again.

    Raises:
        IntegrityError: a file is not what the MANIFEST promises.
        FormatError: the archive is damaged.
        StorageError: the carton cannot be read, or the cache not written.
    """
    root = cache_dir / "models" / files.manifest.model_hash
    placing = _Placing(files, ContentStore(cache_dir / "files"), root / MODEL_PACKAGE)
    missing = await asyncio.to_thread(placing.missing)
    if missing:
        is_new = not root.exists()
        async with _lock(root):
            try:
                await placing.place(await asyncio.to_thread(placing.missing), on_event)
            except BaseException:
                await asyncio.to_thread(placing.undo)
                if is_new:
                    _discard(root)
                raise
    return placing.target


def _lock(root: Path) -> filelock.AsyncFileLock:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"the cache at {root.parent} cannot be written: {error}") from error
    return filelock.AsyncFileLock(root / ".lock", run_in_executor=True)


def _discard(root: Path) -> None:
    """Remove a model's folder, unless there is more in it than the lock, which is held."""
    if os.listdir(root) == [".lock"]:  # noqa: PTH208  the names are all that matters
        (root / ".lock").unlink()
        with contextlib.suppress(OSError):  # somebody has come who wants the lock
            root.rmdir()


class _Placing:
    def __init__(self, files: CartonFiles, store: ContentStore, target: Path) -> None:
        self.target = target
        self._files = files
        self._store = store
        self._root = Path(os.path.realpath(target))
        self._created: list[Path] = []

    def missing(self) -> dict[str, str]:
        """The files that are not in place, or were touched since: path → sha256."""
        return {path: sha256 for path, sha256 in self._files.model_files.items() if not self._is_placed(path, sha256)}

    async def place(self, missing: dict[str, str], on_event: OnEvent | None) -> None:
        """Put files in place."""
        contents = self._files.contents
        total = sum(contents.size(path) for path in missing if path in contents.paths)
        self.target.mkdir(parents=True, exist_ok=True)
        with step("model.extract", f"extracting {len(missing)} files", total=total, on_event=on_event) as running:
            for path, sha256 in missing.items():
                await self._place(path, sha256)
                running.advance(contents.size(path), path)

    def undo(self) -> None:
        """Remove what `place` added, and the folders that are empty then; what it repaired stays."""
        for file in self._created:
            file.unlink(missing_ok=True)
        for folder, _, _ in os.walk(self.target, topdown=False):
            with contextlib.suppress(OSError):  # it is not empty
                Path(folder).rmdir()

    async def _place(self, path: str, sha256: str) -> None:
        contents = self._files.contents
        if not os.path.lexists(self._destination(path)):
            self._created.append(self._destination(path))
        if path not in contents.paths:
            raise FormatError(f"{path} of {contents.name} is only linked to; this release reads what is in the carton")
        target = await contents.link_target(path)
        if target is not None:
            # The hash of a link is that of the file it leads to, which is checked under its own name.
            end = await self._end_of(path)
            self._check_end(path, end)
            if self._files.manifest.entries.get(end) != sha256:
                raise IntegrityError(f"{path} links to {target}, which is not what the MANIFEST promises for the link")
            self._place_link(path, target)
            return
        what = f"{path} of {contents.name}"
        stored = await self._store.ensure(sha256, lambda: contents.stream(path), what=what)
        await asyncio.to_thread(link, stored, self._destination(path))

    async def _end_of(self, path: str) -> str:
        """The file that a chain of links leads to."""
        contents, passed = self._files.contents, {path}
        while path in contents.paths and (target := await contents.link_target(path)) is not None:
            if target in passed or not target.startswith("model/"):
                raise FormatError(f"{path} links to {target}: in a circle, or out of the model", where=contents.name)
            passed.add(target)
            path = target
        return path

    def _check_end(self, path: str, end: str) -> None:
        contents = self._files.contents
        if end not in contents.paths:
            is_folder = any(other.startswith(f"{end.rstrip('/')}/") for other in contents.paths)
            what = "a folder, and a link may only lead to a file" if is_folder else "not in the carton"
            raise FormatError(f"{path} links to {end}, which is {what}", where=contents.name)

    def _place_link(self, path: str, target: str) -> None:
        destination = self._destination(path)
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.unlink(missing_ok=True)
        destination.symlink_to(os.path.relpath(self._destination(target), destination.parent))

    def _is_placed(self, path: str, sha256: str) -> bool:
        destination = self._destination(path)
        if destination.is_symlink():
            # Only a link to a file of the model that has the right content is a link of ours.
            destination = Path(os.path.realpath(destination))
            if not destination.is_relative_to(self._root):
                return False
            path = f"model/{destination.relative_to(self._root).as_posix()}"
        return self._files.manifest.entries.get(path) == sha256 and is_verified(destination)

    def _destination(self, path: str) -> Path:
        return self.target / path.removeprefix("model/")
