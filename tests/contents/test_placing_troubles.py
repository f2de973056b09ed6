"""A cache that may not be written, and a disk that is full: a load without caching, or an error that helps."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_placing import leftovers

import carton_runtime as carton
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings
from carton_runtime.testing.range_server import RangeServer

MB = 1_000_000
NOBODY = 65534


@pytest.fixture
def large(packed: Callable[..., Path]) -> Path:
    """A carton with 8 MB of weights."""
    files = {"weights": random.Random(1).randbytes(8 * MB), "main.py": "pass"}
    return packed(files, runner_name="noop", required_framework_version="*")


# A cache that may only be read

PLACE = """
import asyncio, os, sys, tempfile
from pathlib import Path
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings

async def main():
    files = await open_carton(sys.argv[1], Settings())
    if os.geteuid() == 0:  # to whom no permission applies
        os.setegid(65534)
        os.seteuid(65534)
    placed = await place_model(files, Path(sys.argv[2]))
    print(placed.path, flush=True)
    print(placed.remark, flush=True)
    print((placed.path / "main.py").read_text(), flush=True)
    if sys.argv[3] == "release":
        placed.release()
        print(list(Path(tempfile.gettempdir()).glob("carton-model-*")), flush=True)

asyncio.run(main())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="carton-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o777)
        yield folder


def place(location: Path | str, cache: Path, temporary: Path, then: str = "release") -> list[str]:
    """Place a model as somebody to whom permissions apply; what it said: the folder, the remark, and more."""
    variables = {**os.environ, "TMPDIR": str(temporary), "HOME": str(temporary)}
    command = [sys.executable, "-c", PLACE, str(location), str(cache), then]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True, cwd=temporary)
    return done.stdout.splitlines()


def locked(folder: Path) -> Path:
    """Nobody may write to a folder and what is in it."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


@pytest.fixture
def shared(large: Path, open_folder: Path) -> Path:
    return Path(shutil.copy(large, open_folder / "large.carton"))


def test_a_model_that_is_there_is_used_from_a_cache_that_may_only_be_read(shared: Path, open_folder: Path) -> None:
    cache = open_folder / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    folder = place(shared, cache, open_folder / "tmp")[0]
    assert place(shared, locked(cache), open_folder / "tmp")[:2] == [folder, ""]


def test_a_model_that_is_not_there_is_placed_aside_for_as_long_as_it_is_used(shared: Path, open_folder: Path) -> None:
    cache = open_folder / "cache"
    cache.mkdir()
    folder, remark, text, left = place(shared, locked(cache), open_folder / "tmp")
    assert Path(folder).is_relative_to(open_folder / "tmp")
    assert "cannot be written" in remark
    assert "temporary folder" in remark
    assert text == "pass"
    assert left == "[]"
    assert list(cache.iterdir()) == []


def test_what_a_cache_that_may_only_be_read_has_is_not_fetched_again(
    packed: Callable[..., Path], shared: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    cache = open_folder / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    place(shared, cache, open_folder / "tmp")
    files = {"weights": random.Random(1).randbytes(8 * MB), "main.py": "other"}
    other = packed(files, runner_name="noop", required_framework_version="*")
    with RangeServer() as server:
        text = place(server.serve("other.carton", other), locked(cache), open_folder / "tmp")[2]
        assert text == "other"
        assert server.sent("other.carton") < MB


def test_a_model_that_was_placed_aside_goes_with_the_process(shared: Path, open_folder: Path) -> None:
    cache = open_folder / "cache"
    cache.mkdir()
    place(shared, locked(cache), open_folder / "tmp", "end")
    assert list((open_folder / "tmp").glob("carton-model-*")) == []


def test_what_a_killed_process_placed_aside_goes_with_the_next(shared: Path, open_folder: Path) -> None:
    cache = open_folder / "cache"
    cache.mkdir()
    abandoned = open_folder / "tmp" / "carton-model-abandoned"
    abandoned.mkdir()
    if os.geteuid() == 0:
        os.chown(abandoned, NOBODY, NOBODY)
    precious = open_folder / "precious"
    precious.mkdir(mode=0o777)
    (precious / "file").touch()
    (open_folder / "tmp" / "carton-model-link").symlink_to(precious)
    place(shared, locked(cache), open_folder / "tmp")
    assert not abandoned.exists()
    assert (precious / "file").exists()


async def test_a_load_says_that_it_could_not_cache(
    double_carton: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    import carton_runtime.storage.cache.partial as module

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(cache_dir))

    def choose(path: Path, **more: Any) -> Any:
        return (refuse if cache_dir in path.parents else real)(path, **more)

    real = module.try_lock
    monkeypatch.setattr(module, "try_lock", choose)
    with pytest.warns(UserWarning, match="cannot be written.*temporary folder"):
        model = await carton.load(double_carton)
    async with model:
        assert (await model.infer({"x": np.array(21)}))["out"] == 42
        assert list(temporary.glob("carton-model-*"))
    assert not list(temporary.glob("carton-model-*"))


# A full disk


async def placed_with_limit(location: Path, cache_dir: Path, limit: int) -> None:
    """Place a model while no file may grow beyond a limit, which is what anybody may have a full disk look like."""
    files = await open_carton(location, Settings.load())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        (await place_model(files, cache_dir)).release()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_file_that_does_not_fit_is_an_error_that_says_so(large: Path, cache_dir: Path) -> None:
    with pytest.raises(
        carton.StorageError,
        match=r"is full: model/weights of .* does not fit .*cache\.prune\(\).*CARTON_CACHE_DIR",
    ):
        await placed_with_limit(large, cache_dir, 3 * MB)
    assert [path for path in cache_dir.rglob("*") if path.is_file() and path.stat().st_size > MB] == []
    assert not list(cache_dir.glob("models/*"))
    assert not list(cache_dir.glob("partial/*"))
    await placed_with_limit(large, cache_dir, 30 * MB)
    assert leftovers(cache_dir) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only some users may mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


async def test_a_disk_that_is_too_small_is_noticed_before_anything_is_fetched(large: Path, small_disk: Path) -> None:
    cache = small_disk / "cache"
    with pytest.raises(carton.StorageError, match=r"is full: 8\.0 MB are needed and .* MB are free"):
        await place_model(await open_carton(large, Settings.load()), cache)
    assert not list(cache.glob("models/*"))
    assert not list(cache.glob("partial/*"))


async def test_a_disk_that_fills_up_meanwhile_is_an_error_that_says_so(large: Path, small_disk: Path) -> None:
    files = await open_carton(large, Settings.load())
    cache = small_disk / "cache"
    import carton_runtime.storage.cache.eviction as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_free", lambda _: 1 << 40)  # as it was a moment ago
        with pytest.raises(carton.StorageError, match=r"is full: model/weights of .* does not fit .*No space left"):
            await place_model(files, cache)
    assert shutil.disk_usage(small_disk).free > 3.5 * MB
    assert not list(cache.glob("models/*"))


async def test_a_full_disk_makes_room_for_a_model(packed: Callable[..., Path], small_disk: Path) -> None:
    cache = small_disk / "cache"
    for seed in range(4):
        files = {"weights": random.Random(seed).randbytes(3 * MB)}
        path = packed(files, runner_name="noop", required_framework_version="*")
        (await place_model(await open_carton(path, Settings.load()), cache)).release()
        assert leftovers(cache) == []
    assert len(list(cache.glob("models/*"))) == 1
