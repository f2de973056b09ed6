"""The content-addressed cache: each file once, under the sha256 of its bytes, linked to wherever it is needed.

A file gets its name only after its bytes were hashed, and `VERIFIED` as its time of change. Any later write changes
that time and so takes the verdict back, through every hard link, and the file is fetched again. No list is kept that
could disagree with the files. Any number of processes may work here at once: files appear whole, by rename.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from carton_runtime.errors import IntegrityError, StorageError

VERIFIED = 315_532_800
"""The time of change of a file whose bytes were checked: 1980-01-01 UTC, in seconds."""

Chunks = AsyncIterator[bytes]


class ContentStore:
    """A directory of files named by the sha256 of their contents."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Where the file with that hash is, or would be."""
        return self._root / sha256[:2] / sha256

    async def ensure(self, sha256: str, fetch: Callable[[], Chunks], *, what: str) -> Path:
        """The path of the verified file, fetching it if it is not here.

        Args:
            sha256: the hash, in hex.
            fetch: gives the bytes, in chunks.
            what: the file's name, for messages.

        Raises:
            IntegrityError: the fetched bytes have another hash; nothing is kept of them.
            StorageError: the cache cannot be written.
        """
        path = self.path(sha256)
        if not is_verified(path):
            await self._add(path, fetch, what)
        return path

    async def _add(self, path: Path, fetch: Callable[[], Chunks], what: str) -> None:
        try:
            descriptor, name = _temporary_in(path.parent)
        except OSError as error:
            raise StorageError(f"the cache at {self._root} cannot be written: {error}") from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                digest = hashlib.sha256()
                async for chunk in fetch():
                    await asyncio.to_thread(_take, chunk, digest, file.write)
            check_digest(digest.hexdigest(), path.name, what)
            mark_verified(Path(name))
            Path(name).replace(path)
        except BaseException as error:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            with contextlib.suppress(OSError):  # there are others in it
                path.parent.rmdir()
            if isinstance(error, OSError) and not isinstance(error, StorageError):
                raise StorageError(f"the cache at {self._root} cannot take {what}: {error}") from error
            raise


def _temporary_in(folder: Path) -> tuple[int, str]:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # Another process may just have failed to put something there, and have taken the folder away.
        with contextlib.suppress(FileNotFoundError):
            return tempfile.mkstemp(prefix=".tmp-", dir=folder)


def check_digest(found: str, promised: str, what: str) -> None:
    """Compare two sha256, in hex.

    Raises:
        IntegrityError: they differ.
    """
    if found != promised:
        raise IntegrityError(
            f"{what} has sha256 {found}, the MANIFEST promises {promised}; the carton is damaged, get it again"
        )


def is_verified(path: Path) -> bool:
    """Whether a file is there whose bytes were checked and not touched since."""
    try:
        stat = path.lstat()
    except OSError:
        return False
    return stat.st_mtime_ns == VERIFIED * 10**9


def mark_verified(path: Path) -> None:
    """Remember that the file's bytes were checked, and keep writers away who do not mean it."""
    path.chmod(0o444)
    os.utime(path, (VERIFIED, VERIFIED))


def link(source: Path, destination: Path) -> None:
    """Make `destination` the same file as `source`, replacing what is there at once; a copy where links are impossible.

    Raises:
        StorageError: it cannot be written.
    """
    # Not after the destination, whose name may be as long as names can be.
    beside = destination.with_name(f".tmp-{os.getpid()}-{threading.get_ident()}")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        try:
            beside.hardlink_to(source)
        except OSError:
            _copy(source, beside)
        beside.replace(destination)
    except OSError as error:
        raise StorageError(f"{destination} cannot be written: {error}") from error
    finally:
        # A rename between two names of one file does nothing at all, and leaves both.
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _copy(source: Path, destination: Path) -> None:
    import shutil

    shutil.copyfile(source, destination)
    mark_verified(destination)


def _take(chunk: bytes, digest: hashlib._Hash, write: Callable[[bytes], int]) -> None:
    digest.update(chunk)
    write(chunk)
