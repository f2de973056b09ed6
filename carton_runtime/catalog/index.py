"""The index of runners that can be installed: a JSON list that says what there is, and where to download it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime

from carton_runtime.catalog.discover import release_date, version
from carton_runtime.errors import FormatError
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.paths import safe_path
from carton_runtime.format.reading import Table
from carton_runtime.format.urls import objection

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Download:
    """One archive of a runner.

    Attributes:
        url: where it is.
        sha256: of its bytes, in hex.
        relative_path: the folder of the runner in which it is unpacked; empty for the runner's own.
    """

    url: str
    sha256: str
    relative_path: str


@dataclass(frozen=True)
class IndexEntry:
    """A runner that can be installed; what `RunnerEntry` says of one that is here.

    Attributes:
        name: what cartons ask for.
        id: what it is installed as: the sha256 of the hex hashes of its archives.
        framework_version: the exact version that it serves.
        compat_version: the version of the model directory's layout that it reads.
        interface_version: the interface that it speaks.
        release_date: when it was released.
        platform: the target triple that it is for.
        downloads: its archives, the main one first.
    """

    name: str
    id: str
    framework_version: str
    compat_version: int
    interface_version: int
    release_date: datetime
    platform: str
    downloads: tuple[Download, ...]


def parse_index(data: bytes, file: str, limits: Limits = DEFAULTS, *, files: bool) -> tuple[IndexEntry, ...]:
    """Read an index.

    Args:
        data: its content.
        file: its name, for errors.
        limits: how large it may be.
        files: whether its archives may be files of this machine, as those of an index may that is on it itself.

    Raises:
        FormatError: it is too large or no JSON list, or an entry lacks something, has an id that is not that of its
            archives, or an archive whose URL or path is not allowed.
    """
    if len(data) > limits.toml_size:
        raise limits.excess("toml_size", f"is {len(data):,} bytes long", where=file)
    try:
        runners = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"is not JSON: {error}", where=file) from error
    root = Table({"runners": runners}, file)
    return tuple(_entry(runner, files) for runner in root.tables("runners"))


def _entry(runner: Table, files: bool) -> IndexEntry:
    downloads = tuple(_download(item, files) for item in runner.tables("download_info"))
    if not downloads:
        raise runner.error("download_info", "names no archive")
    expected = hashlib.sha256("".join(download.sha256 for download in downloads).encode()).hexdigest()
    if runner.text("id") != expected:
        raise runner.error("id", f"must be {expected}, which is that of its archives")
    return IndexEntry(
        name=runner.text("runner_name"),
        id=expected,
        framework_version=version(runner),
        compat_version=runner.integer("runner_compat_version"),
        interface_version=runner.integer("runner_interface_version"),
        release_date=release_date(runner),
        platform=runner.text("platform"),
        downloads=downloads,
    )


def _download(item: Table, files: bool) -> Download:
    url, sha256, path = item.text("url"), item.text("sha256"), item.text("relative_path")
    if reason := objection(url, files=files, holder="an index"):
        raise item.error("url", reason)
    if not _SHA256.fullmatch(sha256):
        raise item.error("sha256", "is not a sha256 of 64 hex digits")
    try:
        return Download(url, sha256, path and safe_path(path))
    except FormatError as error:
        raise item.error("relative_path", str(error)) from None
