"""From what a person types to the bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fix_zips import write_zip
from storage.conftest import DATA
from storage.test_http import FAR, part

import carton_runtime as carton
from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Source, Span
from carton_runtime.storage.filesystems import FilesystemFolder, FilesystemSource, Place
from carton_runtime.storage.http.source import HttpSource
from carton_runtime.storage.locate import local_path, locate
from carton_runtime.storage.objects.folder import ObjectFolder
from carton_runtime.storage.objects.source import ObjectSource
from carton_runtime.storage.remote import TAIL

ONLINE, OFFLINE = carton.Settings(), carton.Settings(offline=True)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("model.carton", Path("model.carton")),
        ("./a b#c?d.carton", Path("a b#c?d.carton")),
        ("~/model.carton", Path("~/model.carton").expanduser()),
        (Path("/data/x"), Path("/data/x")),
        ("file:///data/a%20b", Path("/data/a b")),
        ("file://localhost/data/x", Path("/data/x")),
        ("file:/data/x", Path("/data/x")),
        ("file:///data/%FF", Path("/data/\udcff")),
        ("/data/\udcff", Path("/data/\udcff")),
        ("c:x", Path("c:x")),
    ],
)
def test_paths_stay_on_this_machine(location: object, path: Path) -> None:
    for settings in (ONLINE, OFFLINE):
        assert locate(location, settings) == path


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://host/a", HttpSource),
        ("HTTPS://host/a", HttpSource),
        ("s3://bucket/a", ObjectSource),
        ("gs://bucket/a", ObjectSource),
        ("az://container/a", ObjectSource),
        ("abfss://container@account.dfs.core.windows.net/a", ObjectSource),
        ("memory://a", FilesystemSource),
        ("http://host/a/", HttpSource),
        ("s3://bucket/a/", ObjectFolder),
        ("s3://bucket/", ObjectFolder),
        ("memory://a/", FilesystemFolder),
    ],
)
def test_urls_lead_to_sources(url: str, kind: type[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    assert isinstance(locate(url, ONLINE), kind)


@pytest.mark.parametrize("url", ["http://me:hunter2@host/a?sig=hunter2", "s3://bucket/a", "github://org:repo@/a"])
def test_offline_the_network_is_refused(url: str) -> None:
    with pytest.raises(StorageError, match=r"is on the network, which the setting `offline` .* forbids") as caught:
        locate(url, OFFLINE)
    assert "hunter2" not in str(caught.value)


def test_offline_memory_is_no_network() -> None:
    assert isinstance(locate("memory://a", OFFLINE), FilesystemSource)


NOWHERE = [None, 5, "", b"bytes", "a\0b", Path("a\0b"), "\ud800", "http://host/\ud800", "file:", "file:///a%00b"]


@pytest.mark.parametrize("location", NOWHERE)
def test_what_is_no_location_is_refused(location: object) -> None:
    with pytest.raises(StorageError, match="is no place for a model"):
        locate(location, ONLINE)


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("file://elsewhere/x", "is on another machine, elsewhere"),
        ("nothing://x", "nothing here knows nothing:// URLs; download the carton"),
        ("http://[::1/x", "the URL cannot be read"),
        ("~nobody-at-all/x", "cannot be read"),
    ],
)
def test_locations_that_lead_nowhere_are_refused(location: str, says: str) -> None:
    with pytest.raises(StorageError, match=says):
        locate(location, ONLINE)


@pytest.mark.parametrize("location", ["file://me:hunter2@elsewhere/x", "http://me:hunter2@host/\0"])
def test_passwords_are_not_repeated_to_who_gave_them(location: str) -> None:
    with pytest.raises(StorageError) as caught:
        locate(location, ONLINE)
    assert "hunter2" not in str(caught.value)


def test_a_path_is_a_path_whatever_it_looks_like() -> None:
    assert local_path("http:/x") == Path("http:/x")
    assert local_path("file:///data/a%20b") == Path("/data/a b")


@pytest.mark.parametrize("url", ["s3://bucket/a", "https://host/a", "memory://a/"])
def test_a_url_is_no_path(url: str) -> None:
    with pytest.raises(StorageError, match=f"^{url} is a URL; a path on this machine is needed here$"):
        local_path(url)


@pytest.fixture
def memory() -> fsspec.AbstractFileSystem:
    """A file system of fsspec's, and in it a file."""
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe("/folder/data", DATA)
    yield filesystem
    filesystem.rm("/folder", recursive=True)


async def test_files_of_fsspec_are_read(memory: fsspec.AbstractFileSystem) -> None:
    source = FilesystemSource(Place.of("memory://folder/data"))
    assert await source.size() == len(DATA)
    spans = [FAR, Span(0, 0), Span(len(DATA) - TAIL - 5, 10), Span(0, len(DATA))]
    assert await source.read_ranges(spans) == [part(span) for span in spans]
    pieces = [piece async for piece in source.stream(*FAR)]
    assert b"".join(pieces) == part(FAR)
    assert all(len(piece) <= PIECE for piece in pieces)
    await source.aclose()


async def test_files_of_fsspec_that_change_are_noticed(memory: fsspec.AbstractFileSystem) -> None:
    source = FilesystemSource(Place.of("memory://folder/data"))
    before = await source.identity()
    memory.pipe("/folder/data", DATA[::-1])
    with pytest.raises(StorageError, match="changed while it was read; start again"):
        await source.read(*FAR)
    assert await FilesystemSource(Place.of("memory://folder/data")).identity() != before


async def test_files_of_fsspec_may_lie_in_others(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    memory.pipe("/folder/archive.zip", write_zip(tmp_path / "archive.zip", {"data": DATA}).read_bytes())
    assert await FilesystemSource(Place.of("zip://data::memory://folder/archive.zip")).read(*FAR) == part(FAR)


async def test_file_systems_that_a_user_made_are_known(memory: fsspec.AbstractFileSystem) -> None:
    class Ours(type(memory)):
        protocol = "ours"

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return super()._strip_protocol(path.removeprefix("ours://"))

    fsspec.register_implementation("ours", Ours, clobber=True)
    assert await FilesystemSource(Place.of("ours://folder/data")).read(*FAR) == part(FAR)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory://folder/missing", "there is nothing there"),
        ("memory://folder", "is no file whose size is known"),
    ],
)
async def test_trouble_with_fsspec_is_a_typed_error(memory: fsspec.AbstractFileSystem, url: str, says: str) -> None:
    with pytest.raises(StorageError, match=f"^{url}.* {says}"):
        await FilesystemSource(Place.of(url)).size()


async def test_what_file_systems_raise_is_a_typed_error_without_secrets(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("GET https://me:hunter2@host/a?token=hunter2 failed\nhunter2")

    source = FilesystemSource(Place.of("memory://folder/data"))
    await source.size()
    monkeypatch.setattr(type(memory), "cat_file", fail)
    with pytest.raises(StorageError, match=r"cannot be read: GET https://host/a\?… failed$") as caught:
        await source.read(*FAR)
    assert "hunter2" not in repr((caught.value, caught.value.__cause__))


async def test_a_model_is_loaded_from_fsspec(memory: fsspec.AbstractFileSystem, double_carton: Path) -> None:
    memory.pipe("/folder/double.carton", double_carton.read_bytes())
    async with await carton.load("memory://folder/double.carton") as model:
        assert (await model.infer({"x": np.array(21)}))["out"] == 42


def test_without_fsspec_the_error_says_what_is_missing() -> None:
    code = """
import sys
sys.modules["fsspec"] = None
import carton_runtime as carton
try:
    carton.sync.get_model_info("github://org:repo@main/a")
except carton.StorageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be read without the package fsspec" in done.stdout
