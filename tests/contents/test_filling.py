"""A model's files come several at once, small ones together, and what is here already is not fetched."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fix_placing import leftovers

from carton_runtime.contents.base import Contents
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.errors import IntegrityError, StorageError
from carton_runtime.settings import Settings
from carton_runtime.storage.delivery import Delivery

KB = 1000
AT_ONCE = 6


class Watched(Contents):
    """The files of a carton, each held back until so many are wanted at once; counts what is asked for.

    Args:
        inner: where they are.
        wait_for: how many.
        failing: the path of a file that cannot be read.
    """

    def __init__(self, inner: Contents, wait_for: int = 1, failing: str = "") -> None:
        self.inner = inner
        self.name = inner.name
        self.limits = inner.limits
        self.most = 0
        self.asked: list[str] = []
        self.together: list[list[str]] = []
        self._now = 0
        self._wait_for = wait_for
        self._failing = failing
        self._enough = asyncio.Event()
        self.is_busy = asyncio.Event()

    @property
    def paths(self) -> Collection[str]:
        return self.inner.paths

    def size(self, path: str) -> int:
        return self.inner.size(path)

    async def link_target(self, path: str) -> str | None:
        return await self.inner.link_target(path)

    async def deliver(self, path: str) -> Delivery:
        self.asked.append(path)
        delivery = await self.inner.deliver(path)

        async def stream(offset: int) -> AsyncGenerator[bytes, None]:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now == AT_ONCE:
                self.is_busy.set()
            if self._now == self._wait_for:
                self._enough.set()
            await self._enough.wait()
            if path == self._failing:
                raise StorageError(f"{path} cannot be read")
            async for piece in delivery.stream(offset):
                yield piece
            self._now -= 1

        return replace(delivery, stream=stream)

    async def read_many(self, paths: Sequence[str]) -> dict[str, bytes]:
        self.together.append(list(paths))
        return await self.inner.read_many(paths)

    async def aclose(self) -> None:
        await self.inner.aclose()


async def watched(path: Path, **options: object) -> CartonFiles:
    files = await open_carton(path, Settings.load())
    return replace(files, contents=Watched(files.contents, **options))


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def pack_noop(packed: Callable[..., Path]) -> Callable[..., Path]:
    return lambda files: packed(files, runner_name="noop", required_framework_version="*")


@pytest.fixture
def many(pack_noop: Callable[..., Path]) -> Path:
    """A carton with ten large files and two hundred small ones."""
    large = {f"large/{number}": noise(300 * KB, number) for number in range(10)}
    return pack_noop(large | {f"small/{number}": b"%d" % number for number in range(200)})


async def test_large_files_come_several_at_once_and_no_more(many: Path, cache_dir: Path) -> None:
    files = await watched(many, wait_for=AT_ONCE)
    (await place_model(files, cache_dir)).release()
    assert files.contents.most == AT_ONCE
    assert len(files.contents.asked) == 10


async def test_small_files_are_asked_for_together(many: Path, cache_dir: Path) -> None:
    files = await watched(many)
    placed = await place_model(files, cache_dir)
    placed.release()
    assert [len(paths) for paths in files.contents.together] == [200]
    assert {(placed.path / "small" / str(number)).read_bytes() for number in range(200)} == {
        b"%d" % number for number in range(200)
    }


async def test_the_largest_begins_first(pack_noop: Callable[..., Path], cache_dir: Path) -> None:
    sizes = {"a": 300 * KB, "b": 900 * KB, "c": 600 * KB}
    files = await watched(pack_noop({name: noise(size, size) for name, size in sizes.items()}))
    (await place_model(files, cache_dir)).release()
    assert files.contents.asked == ["model/b", "model/c", "model/a"]


async def test_one_content_with_several_names_is_fetched_once(pack_noop: Callable[..., Path], cache_dir: Path) -> None:
    files = await watched(pack_noop({f"{number}/weights": noise(300 * KB, 1) for number in range(4)}))
    placed = await place_model(files, cache_dir)
    placed.release()
    assert len(files.contents.asked) == 1
    assert (placed.path / "0" / "weights").samefile(placed.path / "3" / "weights")


async def test_one_file_that_fails_ends_the_others_and_is_the_error(many: Path, cache_dir: Path) -> None:
    files = await watched(many, wait_for=AT_ONCE, failing="model/large/3")
    with pytest.raises(StorageError, match=r"^model/large/3 cannot be read$"):
        await place_model(files, cache_dir)
    assert not list(cache_dir.glob("models/*"))
    assert not list(cache_dir.glob("partial/*"))


async def test_what_an_earlier_load_left_is_used_and_not_removed_to_make_room(
    pack_noop: Callable[..., Path], cache_dir: Path
) -> None:
    path = pack_noop({"last": noise(270 * KB, 0), **{str(number): noise(300 * KB, number) for number in range(1, 10)}})
    with pytest.raises(StorageError):
        await place_model(await watched(path, failing="model/last"), cache_dir)
    there = len(list(cache_dir.glob("files/*/*")))
    assert there >= 10 - AT_ONCE, "the last begins when others are done"
    files = await watched(path)
    (await place_model(files, cache_dir, cache_size=1)).release()
    assert len(files.contents.asked) == 10 - there


async def test_the_cache_keeps_to_its_size_also_when_nobody_knows_that_of_a_file(
    pack_noop: Callable[..., Path], cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (1, 2):
        files = await open_carton(pack_noop({"weights": noise(300 * KB, seed)}), Settings.load())
        (await place_model(files, cache_dir, cache_size=500 * KB)).release()
        monkeypatch.setattr(CartonFiles, "size", lambda self, path: None)
    (left,) = cache_dir.glob("models/*")
    assert left.name == files.manifest.model_hash


async def test_the_first_error_is_told_when_many_files_are_wrong(changed: Callable[..., Path], cache_dir: Path) -> None:
    with pytest.raises(IntegrityError, match=r"model/main\.py of .* has sha256"):
        await place_model(await open_carton(changed({"model/main.py": b"x"}, honest=False), Settings.load()), cache_dir)


async def test_loads_at_once_in_one_process_fetch_it_once(many: Path, cache_dir: Path) -> None:
    files = await watched(many)
    placed = await asyncio.gather(*(place_model(files, cache_dir) for _ in range(4)))
    assert len({one.path for one in placed}) == 1
    assert len(files.contents.asked) == 10
    for one in placed:
        one.release()


async def test_a_load_that_is_cancelled_leaves_nothing(many: Path, cache_dir: Path, nothing_left: object) -> None:
    files = await watched(many, wait_for=AT_ONCE + 1)  # which never happens
    placing = asyncio.create_task(place_model(files, cache_dir))
    await files.contents.is_busy.wait()
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    assert not list(cache_dir.glob("models/*"))
    assert not list(cache_dir.glob("partial/*"))


@pytest.mark.parametrize("turns", [*range(0, 40, 4), *(pytest.param(n, marks=pytest.mark.soak) for n in range(60))])
async def test_a_load_may_be_cancelled_at_any_moment(
    many: Path, cache_dir: Path, turns: int, nothing_left: object
) -> None:
    files = await open_carton(many, Settings.load())
    placing = asyncio.create_task(place_model(files, cache_dir))
    for _ in range(turns):
        await asyncio.sleep(0.001)  # so many turns of the loop, and of its threads
    placing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        (await placing).release()
    assert not list(cache_dir.glob("partial/*"))
    placed = await place_model(files, cache_dir)
    placed.release()
    assert leftovers(cache_dir) == []
