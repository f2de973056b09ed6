"""The store of whole files, named by the sha256 of their contents."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from carton_runtime.errors import FormatError, IntegrityError, StorageError
from carton_runtime.storage.cache.download import Download, Told, write_all
from carton_runtime.storage.cache.partial import Partial
from carton_runtime.storage.cache.threads import in_thread
from carton_runtime.storage.cache.troubles import cannot_write
from carton_runtime.storage.cache.verdicts import check_digest, is_verified
from carton_runtime.storage.delivery import Delivery

FILES = "files"
PARTIAL = "partial"

Deliver = Callable[[], Awaitable[Delivery]]
"""Gives what brings a file."""


def tell_nobody(amount: int, *, is_new: bool) -> None:
    """Who is told when nobody wants to know."""


class ContentStore:
    """The files of a cache.

    Args:
        root: the cache's folder.
        beside: another cache, which may only be read.
    """

    def __init__(self, root: Path, beside: Path | None = None) -> None:
        self._root = root
        self._beside = None if beside is None else ContentStore(beside)

    def path(self, sha256: str) -> Path:
        """Where the file with that hash is, or would be."""
        return self._root / FILES / sha256[:2] / sha256

    def find(self, sha256: str, size: int | None) -> Path | None:
        """The verified file with that hash, here or beside; `None` when it is to be fetched."""
        if is_verified(self.path(sha256), size):
            return self.path(sha256)
        return None if self._beside is None else self._beside.find(sha256, size)

    async def ensure(
        self,
        sha256: str,
        deliver: Deliver,
        *,
        what: str,
        size: int | None = None,
        told: Told = tell_nobody,
    ) -> Path:
        """The path of the verified file, fetching it if it is not here; waits while another process fetches it.

        Args:
            sha256: the hash, in hex.
            deliver: gives what brings it.
            what: the file's name, for messages.
            size: bytes in the file, where that is known.
            told: who is told of each piece that is fetched.

        Raises:
            IntegrityError: the fetched bytes have another hash; nothing is kept of them.
            FormatError: what came makes no file; nothing is kept of it.
            StorageError: it cannot be read where it comes from; what came from far away is kept, for another attempt.
                Or the cache cannot be written; nothing is kept. `CacheNotWritableError` when it never can.
        """
        path = self.path(sha256)
        if is_verified(path, size):
            return path
        try:
            with await Partial.open(self._root / PARTIAL / sha256) as partial:
                if is_verified(path, size):  # another process has brought it meanwhile
                    partial.drop()
                else:
                    await self._fetch(partial, path, deliver, what, told)
        except OSError as error:
            raise cannot_write(self._root, error, what) from error
        return path

    async def _fetch(self, partial: Partial, path: Path, deliver: Deliver, what: str, told: Told) -> None:
        is_far = False
        try:
            delivery = await deliver()
            is_far = delivery.is_far
            await Download(partial, delivery, path.name, what, told).run()
            await in_thread(partial.publish, path)
        except BaseException as error:
            if _is_of_no_use(error) or not is_far or partial.is_empty:
                partial.drop()
            raise

    def add(self, sha256: str, data: bytes, *, what: str) -> bool:
        """Put a file here that is in memory; whether it is here now, which it is not while others are fetching it.

        Raises:
            IntegrityError: it has another hash.
            StorageError: the cache cannot be written; see `ensure`.
        """
        path = self.path(sha256)
        if is_verified(path, len(data)):
            return True
        check_digest(hashlib.sha256(data).hexdigest(), sha256, what)
        try:
            partial = Partial.try_open(self._root / PARTIAL / sha256)
            if partial is None:
                return False
            with partial:
                _write(partial, data, path)
        except OSError as error:
            raise cannot_write(self._root, error, what) from error
        return True


def _write(partial: Partial, data: bytes, path: Path) -> None:
    try:
        partial.clear()
        write_all(partial.output, data)
        partial.publish(path)
    except BaseException:
        partial.drop()
        raise


def _is_of_no_use(error: BaseException) -> bool:
    """Whether what was fetched before `error` is wrong, or cannot be here."""
    is_of_this_disk = isinstance(error, OSError) and not isinstance(error, StorageError)
    return is_of_this_disk or isinstance(error, IntegrityError | FormatError)
