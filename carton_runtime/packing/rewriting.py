"""Write a carton anew with other files left out, and others held."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Collection, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from carton_runtime import background
from carton_runtime.contents.carton import CARTON_TOML, CartonFiles
from carton_runtime.events import OnEvent, step
from carton_runtime.format.archive import ArchiveWriter
from carton_runtime.format.manifest import Links, Manifest
from carton_runtime.packing.entries import EntryWriter, content_size
from carton_runtime.packing.hashing import Hasher
from carton_runtime.storage.cache import check_digest


@dataclass(frozen=True)
class Changes:
    """How a carton is to become.

    Attributes:
        left_out: paths of files to leave out; all else that it holds is kept.
        held: path → content of files to hold, whether it holds them, links to them or lacks them.
        promised: path → sha256 that files among `held` must have.
        links: its LINKS.
    """

    left_out: Collection[str] = ()
    held: Mapping[str, bytes | Path] = field(default_factory=dict)
    promised: Mapping[str, str] = field(default_factory=dict)
    links: Links = field(default_factory=lambda: Links({}))


@dataclass(frozen=True)
class Writing:
    """Where a carton goes.

    Attributes:
        archive: the new one.
        stop: set when nobody wants it any more.
        message: what is done, for people.
        on_event: told of the step ``model.pack``.
    """

    archive: ArchiveWriter
    stop: threading.Event
    message: str
    on_event: OnEvent | None


def rewrite(files: CartonFiles, targets: Mapping[str, str], changes: Changes, writing: Writing) -> None:
    """Copy a carton with changes; in a thread, since what is kept comes from the background loop.

    Args:
        files: the carton.
        targets: what `symlinks_of` found in it.
        changes: what is to be otherwise.
        writing: where it goes.

    Raises:
        IntegrityError: a file that is kept is not what the MANIFEST promises.
        FormatError: the archive is damaged, or a name cannot be in a carton.
        StorageError: a file cannot be read.
    """
    elsewhere = {*changes.left_out, *changes.held, *targets}
    kept = sum(files.size(path) or 0 for path in files.model_files if path not in elsewhere)
    held = sum(content_size(content) for path, content in changes.held.items() if path.startswith("model/"))
    with (
        step("model.pack", writing.message, total=kept + held, on_event=writing.on_event) as running,
        Hasher() as hasher,
    ):
        _Rewriter(files, targets, changes, EntryWriter(writing.archive, running, writing.stop, hasher)).write()


class _Rewriter:
    """Copies a carton with changes. What it keeps is checked on the way.

    Args:
        files: the carton.
        targets: the path of each symlink in it → what it points to, relative to its own folder.
        changes: what is to be otherwise.
        entries: writes the files.
    """

    def __init__(self, files: CartonFiles, targets: Mapping[str, str], changes: Changes, entries: EntryWriter) -> None:
        self._files = files
        self._targets = targets
        self._changes = changes
        self._entries = entries

    def write(self) -> None:
        """Write everything."""
        promised, changes = self._files.manifest.entries, self._changes
        for path in sorted({*promised, *changes.held}, key=_place):
            if path in self._targets:
                self._entries.archive.add_symlink(path, self._targets[path])
            elif path in changes.held:
                self._hold(path, changes.held[path])
            elif path in self._files.contents.paths and path not in changes.left_out:
                self._keep(path, promised[path])
        hashes = {**promised, **self._entries.hashes}
        manifest = self._files.manifest if hashes == promised else Manifest(hashes)
        self._entries.describe(manifest.data, changes.links)

    def _hold(self, path: str, content: bytes | Path) -> None:
        self._entries.add(path, content)
        check_digest(self._entries.hashes[path], self._changes.promised.get(path, self._entries.hashes[path]), path)

    def _keep(self, path: str, sha256: str) -> None:
        contents = self._files.contents
        with closing(self._pieces(path)) as pieces:
            self._entries.add_chunks(path, pieces, contents.size(path))
        check_digest(self._entries.hashes[path], sha256, f"{path} of {contents.name}")

    def _pieces(self, path: str) -> Generator[bytes, None, None]:
        delivery = background.run_blocking(self._files.contents.deliver(path))
        stream = delivery.expanded()

        async def following() -> bytes:
            return await anext(stream, b"")

        try:
            while piece := background.run_blocking(following()):
                yield piece
        finally:
            background.run_blocking(_closed(stream))


async def _closed(stream: AsyncGenerator[bytes, None]) -> None:
    await stream.aclose()


async def symlinks_of(files: CartonFiles) -> dict[str, str]:
    """The path of each symlink in a carton → what it points to, relative to its own folder. Raises `FormatError`."""
    targets = {}
    for path in files.manifest.entries:
        if path in files.contents.paths and (target := await files.contents.link_target(path)) is not None:
            targets[path] = os.path.relpath(target, os.path.dirname(path) or ".")  # noqa: PTH120  text, not a file
    return targets


def _place(path: str) -> tuple[bool, bool, str]:
    """Where a file stands in the zip: the model first, and what describes the carton last."""
    return path == CARTON_TOML, not path.startswith("model/"), path
