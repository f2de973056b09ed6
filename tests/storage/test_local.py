"""A file of this machine, read by ranges."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from carton_runtime.errors import StorageError
from carton_runtime.storage.local import LocalFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)))
    return path


async def test_ranges_are_read_exactly(path: Path) -> None:
    file = LocalFile(path)
    assert await file.size() == 256
    assert await file.read(10, 5) == bytes(range(10, 15))
    assert await file.read(0, 256) == bytes(range(256))
    assert await file.read(256, 0) == b""
    await file.aclose()
    await file.aclose()


async def test_a_range_beyond_the_end_is_refused(path: Path) -> None:
    with pytest.raises(StorageError, match=r"file ends 44 bytes early"):
        await LocalFile(path).read(200, 100)


async def test_nothing_there_is_said_to_be_so(tmp_path: Path) -> None:
    for missing in (tmp_path / "gone", tmp_path / "gone" / "deeper"):
        with pytest.raises(StorageError, match="cannot be read: No such file"):
            await LocalFile(missing).size()
        with pytest.raises(StorageError, match="cannot be read: No such file"):
            await LocalFile(missing).read(0, 1)


async def test_a_file_that_changes_while_it_is_read_is_refused(path: Path) -> None:
    file = LocalFile(path)
    await file.read(0, 10)
    path.write_bytes(b"other" * 100)
    with pytest.raises(StorageError, match="changed while it was read; start again"):
        await file.read(0, 10)


async def test_a_file_that_is_replaced_while_it_is_read_is_refused(path: Path, tmp_path: Path) -> None:
    file = LocalFile(path)
    size = await file.size()
    (tmp_path / "other").write_bytes(b"x" * size)
    os.replace(tmp_path / "other", path)  # noqa: PTH105  what this is about
    with pytest.raises(StorageError, match="changed while it was read"):
        await file.read(0, 10)


async def test_the_identity_is_that_of_the_content(path: Path) -> None:
    before = await LocalFile(path).identity()
    assert await LocalFile(path).identity() == before
    os.utime(path, (1, 1))
    assert await LocalFile(path).identity() != before


async def test_no_descriptor_stays_open(path: Path, nothing_left: object) -> None:
    file = LocalFile(path)
    await file.read(0, 10)
