"""A carton that is a directory far away: what a zip would hold, unpacked into a bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing

from carton_runtime.contents.base import Contents
from carton_runtime.errors import FormatError, StorageError
from carton_runtime.format.limits import Limits
from carton_runtime.format.manifest import MANIFEST
from carton_runtime.format.paths import check_distinct, safe_path
from carton_runtime.storage.base import Folder, Listed, NotThereError, Source, Span
from carton_runtime.storage.delivery import Delivery
from carton_runtime.storage.together import together

_AT_ONCE = 16  # small files; each costs a round trip, and stores serve them side by side


class FarDirectoryContents(Contents):
    """The files of a folder far away. Such folders hold no symlinks: whoever uploads one uploads what it leads to.

    Args:
        folder: where they are.
        files: path → what was listed; all of it checked.
        opened: sources of files that were looked at before.
        limits: how much of everything is allowed.
    """

    def __init__(self, folder: Folder, files: Mapping[str, Listed], opened: Mapping[str, Source], limits: Limits):
        self.name = folder.name
        self.limits = limits
        self.is_local = False
        self._folder = folder
        self._files = files
        self._opened = opened
        self._slots = asyncio.Semaphore(_AT_ONCE)

    @classmethod
    async def open(cls, folder: Folder, opened: Mapping[str, Source], limits: Limits) -> FarDirectoryContents:
        """List the folder's files.

        Raises:
            FormatError: it holds names that no carton has, or more than `limits` allow.
            StorageError: it may not be listed.
        """
        return cls(folder, await _listed(folder, limits), opened, limits)

    @property
    def paths(self) -> Collection[str]:
        """All files."""
        return self._files.keys()

    def size(self, path: str) -> int:
        """How many bytes a file has."""
        return self._files[path].size

    def far_part(self, path: str) -> Span:
        """All of a file, but for what came when it was looked at before."""
        whole = Span(0, self.size(path))
        return self._opened[path].far_part(whole) if path in self._opened else whole

    async def link_target(self, path: str) -> str | None:  # noqa: ARG002  others have links
        """Always `None`."""
        return None

    async def deliver(self, path: str) -> Delivery:
        """What brings a file: one request for its bytes."""
        source = self._opened[path] if path in self._opened else self._files[path].source()
        size = await source.size()
        if size != self.size(path):  # which was checked against what is allowed
            raise StorageError(f"{source.name} changed while the carton was read; start again")
        return Delivery(lambda offset: source.stream(offset, size - offset), size, is_far=True)

    async def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        """All bytes of several small files, asked for side by side."""
        return dict(zip(paths, await together((self.read(path) for path in paths), self._slots), strict=True))

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._folder.aclose()


async def manifest_source(folder: Folder) -> Source:
    """The MANIFEST of a folder, looked at: there is one, or the folder is no carton.

    Raises:
        FormatError: there is none.
        StorageError: it may not be read.
    """
    source = folder.file(MANIFEST)
    try:
        await source.size()
    except NotThereError:
        raise FormatError(f"{folder.name} is no carton: it has no {MANIFEST}") from None
    return source


async def _listed(folder: Folder, limits: Limits) -> dict[str, Listed]:
    files: dict[str, Listed] = {}
    count = total = 0
    async with aclosing(folder.entries()) as entries:
        async for entry in entries:
            count, total = count + 1, total + entry.size
            if count > limits.entries:
                raise limits.excess("entries", f"{folder.name} holds {count:,} files or more")
            if total > limits.expanded_size:
                raise limits.excess("expanded_size", f"{folder.name} holds {total:,} bytes or more")
            if len(entry.path) > limits.path_length:
                what = f"{folder.name} holds {entry.path[:80]!r}…, a name of {len(entry.path):,} characters"
                raise limits.excess("path_length", what)
            files[entry.path] = entry
    return _checked(files, folder.name)


def _checked(files: Mapping[str, Listed], name: str) -> dict[str, Listed]:
    """The files by path; without those that only mark a folder, as providers' web pages make them."""
    folders = {path[:at] for path in files for at, letter in enumerate(path) if letter == "/"} | {""}
    kept = {path: files[path] for path in sorted(files) if files[path].size or path not in folders}
    for path in kept:
        safe_path(path, where=name)
    check_distinct(kept, where=name)
    return kept
