"""Whatever fsspec reads, for users who have it: ``memory://``, ``github://``, ``zip://…::…`` and many more."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Span
from carton_runtime.storage.redact import redacted, scrubbed
from carton_runtime.storage.remote import TAIL, Look, RemoteSource

T = TypeVar("T")

_VERSIONS = ("ETag", "etag", "e_tag", "md5Hash", "sha256", "version_id", "sha", "mtime", "LastModified", "created")
"""How file systems call what tells versions apart; each has its own way."""


class FilesystemSource(RemoteSource):
    """A file of one of fsspec's file systems. Whether it changed is asked before each read, where that can be told.

    Args:
        url: where it is.

    Raises:
        StorageError: fsspec is not installed, or does not know such URLs.
    """

    def __init__(self, url: str) -> None:
        super().__init__(redacted(url))
        with self._translated():
            from fsspec.core import url_to_fs

            self._check_known(url)
            # What was listed once is not believed for ever.
            self._filesystem, self._path = url_to_fs(url, use_listings_cache=False)
        self._version: tuple[int, str] | None = None

    def _check_known(self, url: str) -> None:
        from fsspec import get_filesystem_class

        scheme = url.partition("://")[0].partition("::")[0]  # "zip://file::s3://bucket/archive" is one of zip's
        try:
            get_filesystem_class(scheme)
        except ValueError:  # not asked of the list of known ones, where those that a user registered may be missing
            raise StorageError(
                f"{self.name} cannot be read: nothing here knows {scheme}:// URLs; "
                "download the carton and give its path"
            ) from None

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _first_look(self) -> Look:
        size, version = self._version = await self._ask(self._look_at)
        start = max(size - TAIL, 0)
        tail = await self._ask(partial(self._read, start, size)) if size else b""
        return Look(size, f"{version or f'unknown-{uuid.uuid4()}'}-{size}", tail)

    async def _fetch(self, span: Span) -> AsyncGenerator[bytes, None]:
        if await self._ask(self._look_at) != self._version:
            raise StorageError(f"{self.name} changed while it was read; start again")
        for start in range(span.start, span.stop, PIECE):
            yield await self._ask(partial(self._read, start, min(start + PIECE, span.stop)))

    async def _ask(self, function: Callable[[], T]) -> T:
        with self._translated():
            return await asyncio.to_thread(function)

    def _look_at(self) -> tuple[int, str]:
        info: Mapping[str, Any] = self._filesystem.info(self._path)
        size = info.get("size")
        if info.get("type") == "directory" or size is None:
            raise StorageError(f"{self.name} is no file whose size is known; give the URL of a carton")
        return int(size), next((str(info[name]) for name in _VERSIONS if info.get(name)), "")

    def _read(self, start: int, stop: int) -> bytes:
        data = bytes(self._filesystem.cat_file(self._path, start=start, end=stop))
        if len(data) != stop - start:
            raise StorageError(f"{self.name}: {len(data)} bytes came of bytes {start}-{stop - 1}")
        return data

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except FileNotFoundError:
            raise StorageError(f"{self.name}: there is nothing there") from None
        except ModuleNotFoundError as error:
            raise StorageError(f"{self.name} cannot be read without the package {error.name or 'fsspec'}") from error
        except Exception as error:  # noqa: BLE001  file systems are plug-ins, and raise whatever they like
            # Without it as the cause: its text may hold the whole URL.
            raise StorageError(f"{self.name} cannot be read: {scrubbed(str(error))}") from None
