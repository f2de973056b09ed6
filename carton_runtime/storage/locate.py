"""From what a person types to the bytes: a path on this machine, or a source or folder far away."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from carton_runtime.errors import StorageError
from carton_runtime.settings import Settings
from carton_runtime.storage.base import Folder, Source
from carton_runtime.storage.local import LocalFile
from carton_runtime.storage.objects.address import SCHEMES
from carton_runtime.storage.objects.folder import ObjectFolder
from carton_runtime.storage.objects.source import ObjectSource
from carton_runtime.storage.redact import redacted
from carton_runtime.storage.retrying import RetryPolicy

if TYPE_CHECKING:
    from carton_runtime.storage.http.source import HttpSource

_WEB = ("http", "https")
_HERE = ("memory", "local")  # file systems of fsspec's that touch no network


def locate(location: object, settings: Settings) -> Path | Source | Folder:
    """Where something is: a path for what is on this machine, and for what is not a source or folder, not opened yet.

    Args:
        location: a path; or a URL: ``file:``, ``http:``, ``https:``, ``s3:``, ``gs:``, ``az:`` or ``abfs:``, or one of
            those that fsspec knows. A slash at its end makes it that of a folder, except on the web, which has none.
        settings: say whether the network may be used.

    Raises:
        StorageError: it is no location, of a kind that cannot be read, or on the network while that is off.
    """
    text = check_location(location)
    if not _is_url(text) or (scheme := _parts(text).scheme) == "file":
        return local_path(text)
    return _far_away(scheme, text, settings)


def locate_copy(url: str, settings: Settings, policy: RetryPolicy) -> LocalFile | HttpSource:
    """Where a copy of a file is that may be compressed on its way.

    Args:
        url: a ``file:``, ``http:`` or ``https:`` URL.
        settings: say whether the network may be used.
        policy: how long to wait for a server.

    Raises:
        StorageError: it is no such URL, or on the network while that is off.
    """
    parts = _parts(url)
    if parts.scheme == "file":
        return LocalFile(_path_of_url(parts.netloc, parts.path, url))
    _check_online(parts.scheme, url, settings)
    from carton_runtime.storage.http.source import HttpSource

    return HttpSource(url, policy, encoded=True)


def check_location(location: object) -> str:
    """A path or URL as text.

    Raises:
        StorageError: it is of another kind, empty, or of characters that no name has.
    """
    text = os.fspath(location) if isinstance(location, os.PathLike) else location
    if not isinstance(text, str) or not text or "\0" in text or not _is_encodable(text):
        shown = redacted(location) if isinstance(location, str) else location
        raise StorageError(f"{shown!r} is no place for a model; give a path or URL, as a string or a pathlib.Path")
    return text


def _is_url(text: str) -> bool:
    return "://" in text or text.startswith("file:")


def _is_encodable(text: str) -> bool:
    try:
        text.encode() if _is_url(text) else os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def local_path(location: object) -> Path:
    """A path on this machine, which may be given as a ``file:`` URL.

    Raises:
        StorageError: as `check_location` does, or it is a URL of something far away.
    """
    text = check_location(location)
    if _is_url(text):
        parts = _parts(text)
        if parts.scheme == "file":
            return _path_of_url(parts.netloc, parts.path, text)
        raise StorageError(f"{redacted(text)} is a URL; a path on this machine is needed here")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # of a user whom nobody knows
        raise StorageError(f"{text} cannot be read: {error}") from error


def _parts(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:  # half an IPv6 address
        raise StorageError(f"{redacted(url)} cannot be read: {error}") from error


def _path_of_url(host: str, path: str, location: str) -> Path:
    if host not in ("", "localhost"):
        name = host.rpartition("@")[2]  # before it, a password may stand
        raise StorageError(f"{redacted(location)} is on another machine, {name}; copy the carton and give its path")
    return Path(check_location(os.fsdecode(unquote_to_bytes(path))))


def _far_away(scheme: str, url: str, settings: Settings) -> Source | Folder:
    _check_online(scheme, url, settings)
    if scheme in _WEB:
        from carton_runtime.storage.http.source import HttpSource

        return HttpSource(url)
    is_folder = any(part.endswith("/") for part in url.split("::"))  # of a chain of fsspec's, it may be the first
    if scheme in SCHEMES:
        return ObjectFolder(url) if is_folder else ObjectSource(url)
    from carton_runtime.storage.filesystems import FilesystemFolder, FilesystemSource, Place

    return FilesystemFolder(Place.of(url)) if is_folder else FilesystemSource(Place.of(url))


def _check_online(scheme: str, url: str, settings: Settings) -> None:
    if settings.offline and scheme not in _HERE:
        raise StorageError(
            f"{redacted(url)} is on the network, which the setting `offline` (CARTON_OFFLINE) forbids; "
            "switch it off, or give the path of a carton that is here"
        )
