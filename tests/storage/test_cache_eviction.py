"""The cache keeps to its size: what was not used for longest goes first, and what is in use never."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from carton_runtime.errors import StorageError
from carton_runtime.storage.cache import ContentStore, Lease, ModelFolder, is_verified, link, make_room
from carton_runtime.storage.cache.eviction import evict
from carton_runtime.storage.cache.inventory import Inventory
from carton_runtime.storage.cache.verifying import verify
from carton_runtime.storage.locks import FILE, try_lock

KB = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Cache(NamedTuple):
    """A cache to fill by hand."""

    root: Path

    def store(self, content: bytes) -> Path:
        """A file of the store."""
        sha256 = hashlib.sha256(content).hexdigest()
        assert ContentStore(self.root).add(sha256, content, what="file")
        return ContentStore(self.root).path(sha256)

    def model(self, name: str, *contents: bytes, used_at: float) -> ModelFolder:
        """A model with files of these contents, last used then."""
        folder = ModelFolder.of(self.root, hashed(name))
        for number, content in enumerate(contents):
            link(self.store(content), folder.path / "files" / str(number))
        files = {f"files/{number}": hashlib.sha256(content).hexdigest() for number, content in enumerate(contents)}
        folder.describe(f"model {name}", files)
        os.utime(folder.path, (used_at, used_at))
        return folder

    @property
    def models(self) -> set[str]:
        return {ModelFolder(path).title.removeprefix("model ") for path in self.root.glob("models/*")}

    @property
    def stored(self) -> int:
        return len(list(self.root.glob("files/*/*")))


@pytest.fixture
def cache(root: Path) -> Cache:
    return Cache(root)


def content(letter: str, size: int = 100 * KB) -> bytes:
    return letter.encode() * size


async def test_what_was_not_used_for_longest_goes_first(cache: Cache) -> None:
    cache.model("new", content("n"), used_at=3000)
    cache.model("old", content("o"), used_at=1000)
    cache.model("middle", content("m"), used_at=2000)
    make_room(cache.root, 100 * KB, 350 * KB)
    assert cache.models == {"new", "middle"}
    assert cache.stored == 2


async def test_nothing_goes_while_there_is_room(cache: Cache) -> None:
    cache.model("one", content("o"), used_at=1000)
    make_room(cache.root, 100 * KB, 250 * KB)
    assert cache.models == {"one"}


async def test_a_lease_makes_a_model_the_one_used_last(cache: Cache) -> None:
    old = cache.model("old", content("o"), used_at=1000)
    cache.model("new", content("n"), used_at=2000)
    (await old.lease()).release()
    make_room(cache.root, 0, 150 * KB)
    assert cache.models == {"old"}


async def test_what_was_in_use_for_long_counts_as_used_until_its_end(cache: Cache) -> None:
    long = cache.model("long", content("l"), used_at=1000)
    lease = await long.lease()
    os.utime(long.path, (1000, 1000))
    cache.model("short", content("s"), used_at=2000)
    lease.release()
    make_room(cache.root, 0, 150 * KB)
    assert cache.models == {"long"}
    os.utime(long.path, (1000, 1000))
    lease.release()
    assert long.used_at == 1000, "it was let go already"


async def test_what_is_in_use_stays_even_if_the_cache_is_too_large_then(cache: Cache) -> None:
    used = cache.model("used", content("u"), used_at=1000)
    cache.model("unused", content("n"), used_at=2000)
    lease = await used.lease()
    make_room(cache.root, 100 * KB, 1)
    assert cache.models == {"used"}
    assert used.is_in_use
    lease.release()
    make_room(cache.root, 0, 1)
    assert cache.models == set()
    assert cache.stored == 0


LEASE = """
import asyncio, sys
from pathlib import Path
from carton_runtime.storage.cache import ModelFolder

async def main():
    lease = await ModelFolder(Path(sys.argv[1])).lease()
    print("leased", flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""


@pytest.fixture
def elsewhere() -> Iterator[Callable[[ModelFolder], subprocess.Popen[str]]]:
    """Has another process use a model."""
    users = []

    def use(folder: ModelFolder) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LEASE, str(folder.path)]
        user = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        users.append(user)
        assert user.stdout.readline() == "leased\n"
        return user

    yield use
    for user in users:
        user.kill()
        user.communicate()


def test_what_another_process_uses_stays_until_that_dies(
    cache: Cache, elsewhere: Callable[[ModelFolder], subprocess.Popen[str]]
) -> None:
    folder = cache.model("used", content("u"), used_at=1000)
    user = elsewhere(folder)
    assert evict(cache.root) == 0
    assert cache.models == {"used"}
    user.kill()
    user.wait()
    assert evict(cache.root) >= 100 * KB
    assert cache.models == set()


def test_a_file_that_two_models_share_counts_once_and_goes_with_the_last(cache: Cache) -> None:
    cache.model("one", content("s"), content("1"), used_at=1000)
    cache.model("two", content("s"), content("2"), used_at=2000)
    size = Inventory.take(cache.root).size
    assert 300 * KB <= size < 301 * KB
    assert 100 * KB <= evict(cache.root, to_size=250 * KB) < 101 * KB
    assert cache.models == {"two"}
    assert cache.stored == 2
    evict(cache.root)
    assert cache.stored == 0


def test_files_that_no_model_has_go_too(cache: Cache) -> None:
    cache.store(content("u"))
    assert evict(cache.root) == 100 * KB
    assert not list(cache.root.glob("files/*"))


def test_what_was_used_since_then_stays(cache: Cache) -> None:
    cache.model("old", content("o"), used_at=1000)
    cache.model("new", content("n"), used_at=3000)
    evict(cache.root, before=2000)
    assert cache.models == {"new"}


def partial(cache: Cache, name: str, *, changed_at: float) -> Path:
    path = cache.root / "partial" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content("p"))
    os.utime(path, (changed_at, changed_at))
    return path


def test_beginnings_of_files_go_when_nobody_has_taken_them_up_for_a_week(cache: Cache) -> None:
    old = partial(cache, "a" * 64, changed_at=1000)
    kept = partial(cache, "a" * 64 + ".zlib", changed_at=1000)
    new = partial(cache, "b" * 64, changed_at=4_000_000_000)
    make_room(cache.root, 0, 1 << 40)
    assert [path.exists() for path in (old, kept, new)] == [False, False, True]


def test_beginnings_of_files_count_and_go_by_their_age(cache: Cache) -> None:
    path = partial(cache, "a" * 64, changed_at=1000)
    cache.model("one", content("o"), used_at=2000)
    evict(cache.root, to_size=150 * KB)
    assert not path.exists()
    assert cache.models == {"one"}


def test_the_beginning_of_a_file_that_is_being_fetched_stays(cache: Cache) -> None:
    path = partial(cache, "a" * 64, changed_at=1000)
    with try_lock(path, flags=FILE):
        assert evict(cache.root) == 0
    assert evict(cache.root) == 100 * KB


async def test_a_model_that_is_removed_while_one_waits_for_it_is_made_anew(cache: Cache) -> None:
    folder = cache.model("one", content("o"), used_at=1000)
    assert folder.remove()
    lease = await folder.lease()
    assert folder.path.is_dir()
    assert list(folder.path.iterdir()) == []
    lease.release()


def test_what_a_killed_eviction_has_left_is_evicted_by_the_next(cache: Cache) -> None:
    folder = cache.model("one", content("o"), content("p"), used_at=1000)
    (folder.path / "files" / "0").unlink()
    evict(cache.root)
    assert cache.models == set()
    assert cache.stored == 0


def test_a_disk_that_has_no_room_whatever_goes_is_said_to_have_none(cache: Cache, root: Path) -> None:
    cache.model("used", content("u"), used_at=1000)
    for folder in (root, root / "not" / "there" / "yet"):
        with pytest.raises(StorageError, match=r"is full: .* MB are needed and .* MB are free.*CARTON_CACHE_DIR"):
            make_room(folder, 1 << 60, 1 << 62)


def test_copies_where_links_are_impossible_count_too(cache: Cache) -> None:
    folder = cache.model("one", content("o"), used_at=1000)
    (folder.path / "files" / "0").unlink()
    shutil.copyfile(next(cache.root.glob("files/*/*")), folder.path / "files" / "0")
    assert 200 * KB <= Inventory.take(cache.root).size < 201 * KB
    assert evict(cache.root) >= 200 * KB


def test_a_cache_that_is_not_there_is_empty(root: Path) -> None:
    assert Inventory.take(root).size == 0
    assert evict(root) == 0
    assert verify(root) == []
    make_room(root, 0, 1)
    assert not root.exists()


def test_what_others_keep_there_is_left_alone(cache: Cache, root: Path) -> None:
    """The original Carton has its files in ``files/<sha256>/file``, of the same folder by default."""
    theirs = [root / "files" / hashed("theirs") / "file", root / "models" / "mine" / "file", root / "partial" / "file"]
    for path in theirs:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"theirs")
        os.utime(path, (0, 0))
    assert Inventory.take(root).size == 0
    assert evict(root) == 0
    assert verify(root) == []
    make_room(root, 0, 1)
    assert all(path.exists() for path in theirs)


# Verifying


def test_all_is_well_in_a_cache_that_nobody_touched(cache: Cache) -> None:
    cache.model("one", content("o"), used_at=1000)
    assert verify(cache.root) == []
    assert cache.stored == 1


def damage(path: Path) -> None:
    """Change a file as a disk does, which tells nobody."""
    stat = path.stat()
    path.chmod(0o644)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    path.chmod(0o444)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_damaged_file_is_removed_and_told_with_the_models_that_have_it(cache: Cache) -> None:
    one = cache.model("one", content("s"), content("1"), used_at=1000)
    cache.model("two", content("s"), used_at=2000)
    path = ContentStore(cache.root).path(hashlib.sha256(content("s")).hexdigest())
    damage(path)
    assert is_verified(path), "or else this would be noticed anyway"
    (found,) = verify(cache.root)
    assert (found.path, found.sha256, sorted(found.models)) == (path, path.name, ["model one", "model two"])
    assert found.found == hashlib.sha256(b"x" + content("s")[1:]).hexdigest()
    assert not path.exists()
    assert not is_verified(one.path / "files" / "0")
    assert is_verified(one.path / "files" / "1")


def test_a_damaged_copy_is_found_too(cache: Cache) -> None:
    folder = cache.model("one", content("o"), used_at=1000)
    path = folder.path / "files" / "0"
    shutil.rmtree(cache.root / "files")
    assert verify(cache.root) == []
    damage(path)
    assert [found.path for found in verify(cache.root)] == [path]
    assert not path.exists()


def test_a_file_that_was_touched_and_is_right_counts_as_checked_again(cache: Cache) -> None:
    path = cache.store(content("o"))
    os.utime(path)
    assert not is_verified(path)
    assert verify(cache.root) == []
    assert is_verified(path)


async def test_a_lease_is_let_go_only_once(cache: Cache) -> None:
    lease: Lease = await cache.model("one", content("o"), used_at=1000).lease()
    lease.release()
    lease.release()
    assert cache.models == {"one"}


def test_damage_that_cannot_be_removed_is_an_error(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache.store(content("d"))
    damage(path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", forbidden)
        with pytest.raises(StorageError, match=f"{path.name} is damaged and cannot be removed: Permission denied"):
            verify(cache.root)
    assert [found.path for found in verify(cache.root)] == [path]


def test_a_file_that_is_right_and_cannot_be_marked_is_no_damage(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cache.store(content("o"))
    os.utime(path)
    monkeypatch.setattr(Path, "chmod", forbidden)
    assert verify(cache.root) == []
    assert path.exists()


def forbidden(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
