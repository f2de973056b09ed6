"""The beginning of one file: kept when fetching breaks off, and taken up by whoever fetches that file next."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from carton_runtime.storage.cache.verdicts import mark_verified
from carton_runtime.storage.locks import FILE, Lock, lock, try_lock


class Partial:
    """A file that is not whole yet, held by one task of one process at a time.

    What is in it is not trusted: it is hashed again when it is taken up.

    Attributes:
        output: the file.
        kept: what travelled so far, where that is not the file itself and worth keeping.
    """

    def __init__(self, path: Path, held: Lock) -> None:
        self.output = io.FileIO(os.dup(held.descriptor), "r+")
        self.kept: io.FileIO | None = None
        self._path = path
        self._lock = held

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Hold it, made anew if it is not there; waits while another holds it. Raises `OSError`."""
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # the folder was emptied and removed meanwhile
                return cls(path, await lock(path, flags=FILE))

    @classmethod
    def try_open(cls, path: Path) -> Self | None:
        """Hold it, made anew if it is not there; `None` while another holds it. Raises `OSError`."""
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                held = try_lock(path, flags=FILE)
                return None if held is None else cls(path, held)

    def prepare(self, form: str, *, is_far: bool, size: int | None) -> int:
        """Get ready to take bytes; gives how many of those that travel are here already.

        Args:
            form: what travels; see `Delivery`.
            is_far: whether what travels is to be kept.
            size: how many bytes travel in all, where that is known.
        """
        if not form:
            came = self.output
        elif not is_far:
            self.clear()
            return 0
        else:
            self.output.truncate(0)
            came = self.kept = io.FileIO(self._beside(form), "a+")
        length = os.fstat(came.fileno()).st_size
        if size is not None and length > size:
            self.clear()
            return 0
        for file in (self.output, came):
            file.seek(0)
        return length

    def clear(self) -> None:
        """Forget all that is here."""
        for file in filter(None, (self.output, self.kept)):
            file.truncate(0)
            file.seek(0)

    def publish(self, path: Path) -> None:
        """Give the file, which is whole and checked, its place."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._remove_kept()  # first: afterwards nobody would look for it
        mark_verified(self._path)
        self._path.replace(path)

    def drop(self) -> None:
        """Remove all that is here."""
        self._remove_kept()
        self._path.unlink(missing_ok=True)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take up."""
        kept = (file.stat().st_size for file in kept_files(self._path))  # of a form that nobody may have asked for yet
        return not os.fstat(self.output.fileno()).st_size and not any(kept)

    def close(self) -> None:
        """Let go of it."""
        for file in filter(None, (self.output, self.kept)):
            file.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _beside(self, form: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{form}")

    def _remove_kept(self) -> None:
        for file in kept_files(self._path):
            file.unlink(missing_ok=True)


def kept_files(path: Path) -> Iterator[Path]:
    """The files beside a partial one that hold what travelled."""
    return path.parent.glob(f"{path.name}.*")
