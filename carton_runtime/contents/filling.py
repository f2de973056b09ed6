"""Fill the folder of a model with links to checked files, fetching what the cache does not have."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.model_links import model_links
from carton_runtime.events import OnEvent, Step, step
from carton_runtime.format.paths import safe_join
from carton_runtime.storage.cache import ContentStore, is_verified, link
from carton_runtime.storage.cache.threads import in_thread
from carton_runtime.storage.together import together

_SMALL = 1 << 18  # files up to this size are asked for together
_GROUP = 1 << 22  # bytes that are asked for together
AT_ONCE = 6
"""Files that are fetched at once."""

Names = dict[str, list[str]]
"""sha256 → the paths of the files that have it."""


class Filling:
    """The folder of one model on its way.

    Args:
        files: the carton.
        store: where files come from and go to.
        target: the folder.
    """

    def __init__(self, files: CartonFiles, store: ContentStore, target: Path) -> None:
        self._files = files
        self._store = store
        self._target = target
        self._root = Path(os.path.realpath(target))
        self._created: list[Path] = []

    def missing(self) -> dict[str, str]:
        """The files that are not in place, or were touched since: path → sha256."""
        return {path: sha256 for path, sha256 in self._files.model_files.items() if not self._is_placed(path, sha256)}

    async def fill(
        self, missing: Mapping[str, str], make_room: Callable[[int], None], on_event: OnEvent | None
    ) -> None:
        """Put files in place.

        Args:
            missing: path → sha256.
            make_room: called in a thread with the number of bytes that are about to be added to the cache.
            on_event: told of the step ``model.fetch``.

        Raises:
            FormatError: a link leads out of the model, or a file is damaged.
            IntegrityError: a file is not what the MANIFEST promises.
            StorageError: a file cannot be read, or the cache not written.
        """
        links = await model_links(self._files, missing)
        names: Names = {}
        for path, sha256 in missing.items():
            if path not in links:
                names.setdefault(sha256, []).append(path)
        for paths in names.values():
            paths.sort(key=lambda path: path not in self._files.contents.paths)  # what is here need not be fetched
        sizes = {sha256: self._files.size(paths[0]) or 0 for sha256, paths in names.items()}
        message = f"fetching {len(missing)} file{'s' if len(missing) > 1 else ''}"
        with step("model.fetch", message, total=sum(sizes.values()), on_event=on_event) as running:
            absent = await in_thread(self._place_stored, names)
            running.skip(sum(sizes[sha256] for sha256 in names.keys() - absent.keys()))
            await in_thread(make_room, sum(sizes[sha256] for sha256 in absent))
            await self._fetch(absent, sizes, running)
            if any(self._files.size(paths[0]) is None for paths in absent.values()):
                await in_thread(make_room, 0)  # for what nobody knew the size of
            await in_thread(self._place_links, links)

    def undo(self) -> None:
        """Remove what `fill` added, and the folders that are empty then; what it repaired stays.

        Nothing is added any more when `fill` has ended, however that was: it waits for its threads.
        """
        for file in self._created:
            file.unlink(missing_ok=True)
        for folder, _, _ in os.walk(self._target, topdown=False):
            with contextlib.suppress(OSError):  # it is not empty
                Path(folder).rmdir()

    def _place_stored(self, names: Names) -> Names:
        """Place what the store has; gives the rest."""
        absent: Names = {}
        for sha256, paths in names.items():
            stored = self._store.find(sha256, self._files.size(paths[0]))
            if stored is None or not self._link(stored, paths):
                absent[sha256] = paths
        return absent

    async def _fetch(self, names: Names, sizes: Mapping[str, int], running: Step) -> None:
        """Fetch the largest first, so that no single one is left for the end; small ones together."""
        contents = self._files.contents
        small = {sha256 for sha256, paths in names.items() if sizes[sha256] <= _SMALL and paths[0] in contents.paths}
        large = sorted(names.keys() - small, key=lambda sha256: (-sizes[sha256], sha256))
        work = [self._fetch_one(names[sha256], running) for sha256 in large]
        groups = _groups([sha256 for sha256 in names if sha256 in small], sizes)
        work += [self._fetch_together({sha256: names[sha256] for sha256 in group}, running) for group in groups]
        await together(work, asyncio.Semaphore(AT_ONCE))

    async def _fetch_one(self, paths: Sequence[str], running: Step) -> None:
        path = paths[0]

        def tell(amount: int, *, is_new: bool) -> None:
            running.advance(amount, path) if is_new else running.skip(amount, path)

        is_linked = False
        while not is_linked:  # unless somebody removed it from the cache in this very moment
            stored = await self._files.fetch(path, self._store, tell, running.expect)
            is_linked = await in_thread(self._link, stored, paths)

    async def _fetch_together(self, names: Names, running: Step) -> None:
        data = await self._files.contents.read_many([paths[0] for paths in names.values()])
        left = await in_thread(self._add_all, names, data)
        for sha256, paths in names.items():
            if sha256 in left:
                await self._fetch_one(paths, running)
            else:
                running.advance(len(data[paths[0]]), paths[0])

    def _add_all(self, names: Names, data: Mapping[str, bytes]) -> set[str]:
        """Store and place files that are in memory; gives the hashes of those that others are fetching right now."""
        left = set()
        for sha256, paths in names.items():
            is_there = self._store.add(sha256, data[paths[0]], what=self._what(paths[0]))
            if not (is_there and self._link(self._store.path(sha256), paths)):
                left.add(sha256)
        return left

    def _link(self, stored: Path, paths: Iterable[str]) -> bool:
        """Give a file of the store its names; whether it was still there."""
        try:
            for path in paths:
                self._note(path)
                link(stored, self._destination(path))
        except FileNotFoundError:
            return False
        return True

    def _place_links(self, links: Mapping[str, str]) -> None:
        for path, target in links.items():
            self._note(path)
            destination = self._destination(path)
            destination.parent.mkdir(parents=True, exist_ok=True)
            destination.unlink(missing_ok=True)
            destination.symlink_to(os.path.relpath(self._destination(target), destination.parent))

    def _note(self, path: str) -> None:
        if not os.path.lexists(self._destination(path)):
            self._created.append(self._destination(path))

    def _is_placed(self, path: str, sha256: str) -> bool:
        destination = self._destination(path)
        if destination.is_symlink():
            # Only a link to a file of the model that has the right content is a link of ours.
            destination = Path(os.path.realpath(destination))
            if not destination.is_relative_to(self._root):
                return False
            path = f"model/{destination.relative_to(self._root).as_posix()}"
        if self._files.manifest.entries.get(path) != sha256:
            return False
        return is_verified(destination, self._files.size(path))

    def _destination(self, path: str) -> Path:
        return safe_join(self._target, path.removeprefix("model/"))

    def _what(self, path: str) -> str:
        return f"{path} of {self._files.contents.name}"


def _groups(small: Iterable[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    group: list[str] = []
    total = 0
    for sha256 in small:
        group.append(sha256)
        total += sizes[sha256]
        if total >= _GROUP:
            yield group
            group, total = [], 0
    if group:
        yield group
