"""The content store: each file checked once, until somebody touches it, and whole or not there at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from carton_runtime.errors import IntegrityError, StorageError
from carton_runtime.storage.cache import CacheNotWritableError, ContentStore, is_verified, mark_verified
from carton_runtime.storage.delivery import Delivery

CONTENT = [b"first ", b"second ", b"third"]
SHA256 = hashlib.sha256(b"".join(CONTENT)).hexdigest()
SIZE = len(b"".join(CONTENT))


class Fetch:
    """Gives chunks, and counts how often it was asked for them."""

    def __init__(self, chunks: list[bytes], failure: BaseException | None = None) -> None:
        self.chunks = chunks
        self.failure = failure
        self.count = 0

    async def __call__(self) -> Delivery:
        return Delivery(self._stream)

    async def _stream(self, offset: int) -> AsyncGenerator[bytes, None]:
        self.count += 1
        for chunk in self.chunks:
            yield chunk
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(root: Path) -> ContentStore:
    return ContentStore(root)


def files_in(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


async def test_a_file_is_fetched_and_checked_once(store: ContentStore) -> None:
    fetch = Fetch(CONTENT)
    first = await store.ensure(SHA256, fetch, what="file")
    assert first.read_bytes() == b"".join(CONTENT)
    assert await store.ensure(SHA256, fetch, what="file") == first
    assert fetch.count == 1


async def test_another_store_in_the_same_place_trusts_what_was_checked(store: ContentStore, root: Path) -> None:
    fetch = Fetch(CONTENT)
    await store.ensure(SHA256, fetch, what="file")
    await ContentStore(root).ensure(SHA256, fetch, what="file")
    assert fetch.count == 1


@pytest.mark.parametrize("harm", ["write", "touch", "truncate", "replace", "remove"])
async def test_a_file_that_was_touched_is_fetched_again(store: ContentStore, harm: str) -> None:
    fetch = Fetch(CONTENT)
    path = await store.ensure(SHA256, fetch, what="file")
    path.chmod(0o644)
    if harm == "write":
        path.write_bytes(b"other")
    elif harm == "touch":
        path.touch()
    elif harm == "truncate":
        os.truncate(path, 3)
    else:
        path.unlink()
    if harm == "replace":
        path.write_bytes(b"other")
    assert (await store.ensure(SHA256, fetch, what="file")).read_bytes() == b"".join(CONTENT)
    assert fetch.count == 2


async def test_a_file_in_the_store_may_not_be_written_by_accident(store: ContentStore) -> None:
    path = await store.ensure(SHA256, Fetch(CONTENT), what="file")
    assert path.stat().st_mode & 0o222 == 0


async def test_wrong_bytes_are_refused_by_name_and_nothing_is_kept(store: ContentStore, root: Path) -> None:
    wrong = hashlib.sha256(b"wrong").hexdigest()
    with pytest.raises(
        IntegrityError, match=f"the file has sha256 {wrong}, the MANIFEST promises {SHA256}; .*get it again"
    ):
        await store.ensure(SHA256, Fetch([b"wrong"]), what="the file")
    assert files_in(root) == []


@pytest.mark.parametrize(
    "failure", [RuntimeError("on the way"), asyncio.CancelledError(), KeyboardInterrupt()], ids=repr
)
async def test_nothing_is_kept_of_a_fetch_that_fails(store: ContentStore, root: Path, failure: BaseException) -> None:
    with pytest.raises(type(failure)):
        await store.ensure(SHA256, Fetch(CONTENT[:2], failure), what="file")
    assert files_in(root) == []


async def test_errors_of_storage_keep_their_words(store: ContentStore, root: Path) -> None:
    with pytest.raises(StorageError, match=r"^the source is gone$"):
        await store.ensure(SHA256, Fetch([], StorageError("the source is gone")), what="file")
    assert files_in(root) == []


async def test_a_full_disk_is_said_to_be_so_with_what_to_do(store: ContentStore, root: Path) -> None:
    match = r"the disk of the cache at .* is full: the file does not fit .*No space left.*cache\.prune\(\)"
    with pytest.raises(StorageError, match=match):
        await store.ensure(SHA256, Fetch([], OSError(28, "No space left on device")), what="the file")
    assert files_in(root) == []


async def test_a_place_that_may_only_be_read_has_an_error_of_its_own(store: ContentStore) -> None:
    with pytest.raises(CacheNotWritableError, match=r"the cache at .* cannot be written: .*Read-only file system"):
        await store.ensure(SHA256, Fetch([], OSError(30, "Read-only file system")), what="the file")


async def test_a_place_that_cannot_be_written_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"the cache at .*file cannot take file: .*(Not a directory|File exists)"):
        await ContentStore(tmp_path / "file").ensure(SHA256, Fetch(CONTENT), what="file")


async def test_callers_at_once_all_get_the_whole_file(store: ContentStore, root: Path) -> None:
    fetch = Fetch([b"x" * 100_000] * 10)
    sha256 = hashlib.sha256(b"x" * 1_000_000).hexdigest()
    paths = await asyncio.gather(*(store.ensure(sha256, fetch, what="file") for _ in range(8)))
    assert set(paths) == set(files_in(root))
    assert len(paths[0].read_bytes()) == 1_000_000


RACE = """
import asyncio, hashlib, sys
from pathlib import Path
from carton_runtime.storage.cache import ContentStore
from carton_runtime.storage.delivery import Delivery

async def stream(offset):
    for _ in range(100):
        yield b"x" * 10_000

async def fetch():
    return Delivery(stream)

async def main():
    sha256 = hashlib.sha256(b"x" * 1_000_000).hexdigest()
    input()
    for _ in range(20):
        path = await ContentStore(Path(sys.argv[1])).ensure(sha256, fetch, what="file")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        path.touch()  # from now on it counts as unchecked, and whoever comes next replaces it

asyncio.run(main())
"""


def test_processes_at_once_never_see_half_a_file(root: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([sys.executable, "-c", RACE, str(root)], **pipes) for _ in range(4)]
    ended = [racer.communicate("go\n")[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4, ended
    assert len(files_in(root)) == 1


def test_only_the_exact_time_counts_as_checked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert not is_verified(path)
    path.touch()
    assert not is_verified(path)
    mark_verified(path)
    assert is_verified(path)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert not is_verified(path)


def test_only_the_right_size_counts_as_checked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    mark_verified(path)
    assert is_verified(path, 3)
    assert not is_verified(path, 4)


async def test_a_file_that_is_too_short_is_fetched_again(store: ContentStore) -> None:
    """As after a power cut: the time of change is on the disk, and the last bytes are not."""
    path = await store.ensure(SHA256, Fetch(CONTENT), what="file", size=SIZE)
    path.chmod(0o644)
    os.truncate(path, 3)
    mark_verified(path)
    fetch = Fetch(CONTENT)
    assert (await store.ensure(SHA256, fetch, what="file", size=SIZE)).read_bytes() == b"".join(CONTENT)
    assert fetch.count == 1


def test_a_file_in_memory_is_put_there_once(store: ContentStore, root: Path) -> None:
    data = b"".join(CONTENT)
    for _ in range(2):
        assert store.add(SHA256, data, what="file")
        assert is_verified(store.path(SHA256), SIZE)
    assert files_in(root) == [store.path(SHA256)]


def test_a_file_in_memory_with_another_hash_is_refused(store: ContentStore, root: Path) -> None:
    with pytest.raises(IntegrityError, match="the file has sha256"):
        store.add(SHA256, b"wrong", what="the file")
    assert files_in(root) == []


async def test_what_others_are_fetching_is_left_to_them(store: ContentStore, root: Path) -> None:
    is_asked, may_come = asyncio.Event(), asyncio.Event()

    async def stream(offset: int) -> AsyncGenerator[bytes, None]:
        is_asked.set()
        await may_come.wait()
        yield b"".join(CONTENT)

    async def deliver() -> Delivery:
        return Delivery(stream)

    fetching = asyncio.create_task(store.ensure(SHA256, deliver, what="file"))
    await is_asked.wait()
    assert not store.add(SHA256, b"".join(CONTENT), what="file")
    may_come.set()
    assert is_verified(await fetching)
    assert files_in(root) == [store.path(SHA256)]


async def test_callers_at_once_fetch_it_once(store: ContentStore) -> None:
    fetch = Fetch(CONTENT)
    await asyncio.gather(*(store.ensure(SHA256, fetch, what="file") for _ in range(8)))
    assert fetch.count == 1


async def test_nothing_is_kept_of_what_cannot_even_be_asked_for(store: ContentStore, root: Path) -> None:
    async def deliver() -> Delivery:
        raise StorageError("the source is gone")

    with pytest.raises(StorageError, match=r"^the source is gone$"):
        await store.ensure(SHA256, deliver, what="file")
    assert files_in(root) == []
