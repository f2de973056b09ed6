"""The index of runners that can be installed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from carton_runtime.catalog.index import Download, IndexEntry, parse_index
from carton_runtime.errors import FormatError
from carton_runtime.format.limits import Limits

MAIN, MORE = "a" * 64, "b" * 64
ID = hashlib.sha256((MAIN + MORE).encode()).hexdigest()


def runner(**changes: Any) -> dict[str, Any]:
    archives = [
        {"url": "https://host/main.zip", "sha256": MAIN, "relative_path": ""},
        {"url": "http://host/more.tar.gz", "sha256": MORE, "relative_path": "lib/more"},
    ]
    return {
        "runner_name": "torchscript",
        "id": ID,
        "framework_version": "2.1.0",
        "runner_compat_version": 1,
        "runner_interface_version": 2,
        "runner_release_date": "2023-09-01T12:00:00Z",
        "platform": "x86_64-unknown-linux-gnu",
        "download_info": archives,
        **changes,
    }


def download(**changes: Any) -> dict[str, Any]:
    archive = {"url": "https://host/main.zip", "sha256": MAIN, "relative_path": "", **changes}
    return runner(download_info=[archive], id=hashlib.sha256(archive["sha256"].encode()).hexdigest())


def parsed(*runners: Any, files: bool = False) -> tuple[IndexEntry, ...]:
    return parse_index(json.dumps(runners).encode(), "index.json", files=files)


def test_an_index_says_what_there_is_and_where() -> None:
    (entry,) = parsed(runner())
    assert entry == IndexEntry(
        name="torchscript",
        id=ID,
        framework_version="2.1.0",
        compat_version=1,
        interface_version=2,
        release_date=datetime(2023, 9, 1, 12, tzinfo=UTC),
        platform="x86_64-unknown-linux-gnu",
        downloads=(
            Download("https://host/main.zip", MAIN, ""),
            Download("http://host/more.tar.gz", MORE, "lib/more"),
        ),
    )


@pytest.mark.parametrize("url", ["file:///etc/passwd", "FILE:///etc/passwd"])
def test_files_are_for_an_index_on_this_machine_only(url: str) -> None:
    with pytest.raises(FormatError, match="is a file URL, which only an index on this machine may have") as caught:
        parsed(download(url=url))
    assert caught.value.where == "index.json: runners[0].download_info[0].url"
    assert parsed(download(url=url), files=True)[0].downloads[0].url == url


@pytest.mark.parametrize("url", ["ftp://host/a", "/etc/passwd", "s3://bucket/a", "javascript:alert(1)", "", "https://"])
@pytest.mark.parametrize("files", [False, True])
def test_other_urls_are_refused(url: str, files: bool) -> None:
    with pytest.raises(FormatError, match="is not an http, https or file URL"):
        parsed(download(url=url), files=files)


@pytest.mark.parametrize("path", ["../up", "/etc", "a/../../b", "c:x"])
def test_archives_are_unpacked_nowhere_else(path: str) -> None:
    with pytest.raises(FormatError, match="the path"):
        parsed(download(relative_path=path))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (runner(id="c" * 64), "which is that of its archives"),
        (runner(download_info=[]), "names no archive"),
        (runner(framework_version="new"), "framework_version"),
        (download(sha256="A" * 64), "is not a sha256 of 64 hex digits"),
        (5, "must be a table"),
    ],
)
def test_entries_that_are_wrong_are_refused(entry: object, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        parsed(entry)


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b"\xff", b"null"])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"index\.json"):
        parse_index(data, "index.json", files=False)


def test_an_index_that_is_too_large_is_refused() -> None:
    with pytest.raises(FormatError, match="more than limit_toml_size = 10 allows"):
        parse_index(b"[" + b" " * 20 + b"]", "index.json", Limits(toml_size=10), files=False)
