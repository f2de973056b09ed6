"""Folders of buckets, and of fsspec's file systems: what is in them, and how much asking that takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fix_buckets import Bucket, Moto
from fix_zips import write_zip
from storage.conftest import QUICK

import carton_runtime as carton
from carton_runtime.errors import StorageError
from carton_runtime.storage.base import Folder, Listed, NotThereError
from carton_runtime.storage.locate import locate
from carton_runtime.storage.objects.folder import ObjectFolder

FILES = {"MANIFEST": b"manifest", "model/a": b"a" * 300_000, "model/deep/er/ü b": b"b", "tensor_data/100%25": b""}


async def listed(folder: Folder) -> dict[str, Listed]:
    found = {entry.path: entry async for entry in folder.entries()}
    await folder.aclose()
    return found


@pytest.fixture(params=["s3", "gs"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_a_folder_is_listed_and_read(bucket: Bucket, scheme: str) -> None:
    folder = ObjectFolder(bucket.put_all(FILES, "a/folder").replace("s3", scheme), QUICK)
    bucket.put("a/folder2/other", b"of another folder")
    found = await listed(folder)
    assert {path: entry.size for path, entry in found.items()} == {path: len(data) for path, data in FILES.items()}
    for path, entry in found.items():
        assert await entry.source().read(0, entry.size) == FILES[path]
        if entry.size:  # otherwise there is no range to ask for
            assert await folder.file(path).size() == entry.size


async def test_what_was_listed_costs_one_request_to_read(bucket: Bucket, moto: Moto) -> None:
    found = await listed(ObjectFolder(bucket.put_all(FILES, "folder"), QUICK))
    moto.requests()
    assert await found["model/a"].source().read(5, 200_000) == FILES["model/a"][5:200_005]
    assert len(moto.requests()) == 1


async def test_what_changes_after_it_was_listed_is_noticed(bucket: Bucket, scheme: str) -> None:
    found = await listed(ObjectFolder(bucket.put_all(FILES, "folder").replace("s3", scheme), QUICK))
    bucket.put("folder/model/a", b"c" * 300_000)
    bucket.remove("folder/MANIFEST")
    with pytest.raises(StorageError, match=rf"^{scheme}://models/folder/model/a changed while it was read; start"):
        await found["model/a"].source().read(0, 10)
    with pytest.raises(NotThereError, match=r"folder/MANIFEST.* there is nothing there"):
        await found["MANIFEST"].source().read(0, 8)


async def test_thousands_of_objects_take_a_request_for_each_thousand(bucket: Bucket, moto: Moto) -> None:
    url = bucket.put_all({f"model/{number:04}": b"x" for number in range(2_001)}, "many")
    moto.requests()
    assert len(await listed(ObjectFolder(url, QUICK))) == 2_001
    assert len(moto.requests()) == 3


async def test_a_listing_may_be_left_early(bucket: Bucket, moto: Moto) -> None:
    url = bucket.put_all({f"model/{number:04}": b"x" for number in range(1_001)}, "many")
    moto.requests()
    entries = ObjectFolder(url, QUICK).entries()
    await anext(entries)
    await entries.aclose()
    assert len(moto.requests()) == 1


async def test_a_whole_bucket_may_be_the_folder(bucket: Bucket) -> None:
    bucket.put_all(FILES, "folder")
    assert set(await listed(ObjectFolder("s3://models/", QUICK))) == {f"folder/{path}" for path in FILES}


async def test_marks_of_folders_are_empty_files(bucket: Bucket) -> None:
    for key in ("folder/", "folder/model/"):
        bucket.put(key, b"")
    found = await listed(ObjectFolder("s3://models/folder/", QUICK))
    assert {path: entry.size for path, entry in found.items()} == {"": 0, "model": 0}


@pytest.mark.parametrize("key", ["folder/../../x", "folder//x", "folder/model//x", "folder/./x", "folder//etc/passwd"])
async def test_names_that_lead_elsewhere_are_refused(bucket: Bucket, key: str) -> None:
    bucket.put(key, b"x")
    with pytest.raises(StorageError, match=r"^s3://models/folder/: .*nvalid path"):
        await listed(ObjectFolder("s3://models/folder/", QUICK))


@pytest.mark.parametrize("url", ["s3://no-such-bucket/folder/", "s3://models/a//b/", "s3://models/../"])
async def test_folders_that_cannot_be_listed_are_a_typed_error(bucket: Bucket, url: str) -> None:
    with pytest.raises(StorageError, match=f"^{url}: "):
        await listed(ObjectFolder(url, QUICK))


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()


async def test_folders_of_fsspec_are_listed_and_read(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for path, data in FILES.items():
        memory.pipe(f"/a/folder/{path}", data)
    memory.pipe(
        "/a/folder.zip", write_zip(tmp_path / "folder.zip", {f"in/{k}": v for k, v in FILES.items()}).read_bytes()
    )
    for url in ("memory://a/folder/", "zip://in/::memory://a/folder.zip"):
        folder = locate(url, carton.Settings())
        found = await listed(folder)
        assert {path: entry.size for path, entry in found.items()} == {path: len(data) for path, data in FILES.items()}
        for path, entry in found.items():
            assert await entry.source().read(0, entry.size) == FILES[path]
            assert await folder.file(path).size() == entry.size


async def test_what_changes_in_a_folder_of_fsspec_is_noticed(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe("/folder/data", b"old")
    found = await listed(locate("memory://folder/", carton.Settings()))
    source = found["data"].source()
    assert await source.read(0, 3) == b"old"
    memory.pipe("/folder/data", b"newer")
    assert await source.read(0, 3) == b"old", "it came with the first look"
    assert await found["data"].source().size() == 5, "which whoever listed it compares"


async def test_nothing_in_a_folder_of_fsspec_is_said_to_be_so(memory: fsspec.AbstractFileSystem) -> None:
    folder = locate("memory://nowhere/", carton.Settings())
    assert await listed(folder) == {}
    with pytest.raises(NotThereError, match=r"^memory://nowhere/data: there is nothing there$"):
        await folder.file("data").size()
