"""Whatever fsspec reads, for users who have it: ``memory://``, ``github://``, ``zip://…::…`` and many more."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Folder, Listed, NotThereError, Source, Span
from carton_runtime.storage.redact import redacted, scrubbed
from carton_runtime.storage.remote import TAIL, Look, RemoteSource

T = TypeVar("T")

_VERSIONS = ("ETag", "etag", "e_tag", "md5Hash", "sha256", "version_id", "sha", "mtime", "LastModified", "created")
"""How file systems call what tells versions apart; each has its own way."""


@dataclass(frozen=True)
class Place:
    """A file or folder of one of fsspec's file systems.

    Attributes:
        name: its URL, for messages.
        filesystem: the file system.
        path: where it is there.
    """

    name: str
    filesystem: Any
    path: str

    @classmethod
    def of(cls, url: str) -> Place:
        """Understand a URL.

        Raises:
            StorageError: fsspec is not installed, or does not know such URLs.
        """
        name = redacted(url)
        with _translated(name):
            from fsspec.core import url_to_fs

            _check_known(url, name)
            # What was listed once is not believed for ever.
            return cls(name, *url_to_fs(url, use_listings_cache=False))

    def below(self, path: str) -> Place:
        """A file below it."""
        name = f"{path} of {self.name}" if "::" in self.name else f"{self.name.rstrip('/')}/{path}"
        return Place(name, self.filesystem, f"{self.path.rstrip('/')}/{path}" if self.path else path)

    async def ask(self, function: Callable[[], T]) -> T:
        """What a function gives that asks the file system, called in a thread; its errors are ours."""
        with _translated(self.name):
            return await asyncio.to_thread(function)


class FilesystemSource(RemoteSource):
    """A file of one of fsspec's file systems. Whether it changed is asked before each read, where that can be told.

    Args:
        place: where it is.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place.name)
        self._place = place
        self._version: tuple[int, str] | None = None

    async def aclose(self) -> None:
        """Nothing is held."""

    async def _first_look(self) -> Look:
        size, version = self._version = await self._place.ask(self._look_at)
        start = max(size - TAIL, 0)
        tail = await self._place.ask(partial(self._read, start, size)) if size else b""
        return Look(size, f"{version or f'unknown-{uuid.uuid4()}'}-{size}", tail)

    async def _fetch(self, span: Span) -> AsyncGenerator[bytes, None]:
        if await self._place.ask(self._look_at) != self._version:
            raise StorageError(f"{self.name} changed while it was read; start again")
        for start in range(span.start, span.stop, PIECE):
            yield await self._place.ask(partial(self._read, start, min(start + PIECE, span.stop)))

    def _look_at(self) -> tuple[int, str]:
        info: Mapping[str, Any] = self._place.filesystem.info(self._place.path)
        size = info.get("size")
        if info.get("type") == "directory" or size is None:
            raise StorageError(
                f"{self.name} is no file whose size is known; give the URL of a carton, "
                "or of an unpacked one with a slash at its end"
            )
        return int(size), next((str(info[name]) for name in _VERSIONS if info.get(name)), "")

    def _read(self, start: int, stop: int) -> bytes:
        data = bytes(self._place.filesystem.cat_file(self._place.path, start=start, end=stop))
        if len(data) != stop - start:
            raise StorageError(f"{self.name}: {len(data)} bytes came of bytes {start}-{stop - 1}")
        return data


class FilesystemFolder(Folder):
    """A folder of one of fsspec's file systems.

    Args:
        place: where it is.
    """

    def __init__(self, place: Place) -> None:
        self.name = place.name
        self._place = place

    async def entries(self) -> AsyncGenerator[Listed, None]:
        """All files in it, which such file systems list at once."""
        find = partial(self._place.filesystem.find, self._place.path, detail=True)
        found: Mapping[str, Mapping[str, Any]] = await self._place.ask(find)
        prefix = f"{self._place.path.strip('/')}/".removeprefix("/")
        for full, info in found.items():
            place = self._place.below(full.lstrip("/").removeprefix(prefix))
            if info.get("size") is None:
                raise StorageError(f"{place.name} is no file whose size is known")
            # What a listing says of versions need not be what is said when asked for one file.
            yield Listed(full.lstrip("/").removeprefix(prefix), int(info["size"]), partial(FilesystemSource, place))

    def file(self, path: str) -> Source:
        """A file in it, which need not be there."""
        return FilesystemSource(self._place.below(path))

    async def aclose(self) -> None:
        """Nothing is held."""


def _check_known(url: str, name: str) -> None:
    from fsspec import get_filesystem_class

    scheme = url.partition("://")[0].partition("::")[0]  # "zip://file::s3://bucket/archive" is one of zip's
    try:
        get_filesystem_class(scheme)
    except ValueError:  # not asked of the list of known ones, where those that a user registered may be missing
        raise StorageError(
            f"{name} cannot be read: nothing here knows {scheme}:// URLs; download the carton and give its path"
        ) from None


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn errors of file systems into ours."""
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError:
        raise NotThereError(f"{name}: there is nothing there") from None
    except ModuleNotFoundError as error:
        raise StorageError(f"{name} cannot be read without the package {error.name or 'fsspec'}") from error
    except Exception as error:  # noqa: BLE001  file systems are plug-ins, and raise whatever they like
        # Without it as the cause: its text may hold the whole URL.
        raise StorageError(f"{name} cannot be read: {scrubbed(str(error))}") from None
