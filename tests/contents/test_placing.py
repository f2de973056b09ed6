"""The model's folder in the cache: made of checked files, once, and repaired when somebody touched it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import carton_runtime as carton
from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.placing import place_model
from carton_runtime.contents.zipped import ZippedContents

Changed = Callable[..., Path]


@pytest.fixture
def placed(double_carton: Path, cache_dir: Path) -> Path:
    """The folder of a model that was loaded once."""
    with carton.sync.load(double_carton) as model:
        assert model.infer(x=1)["out"] == 2
    (folder,) = cache_dir.glob("models/*/_carton_model_module")
    return folder


async def run(path: Path) -> float:
    async with await carton.load(path) as model:
        return float((await model.infer(x=np.array(21)))["out"])


def test_the_folder_is_made_of_links_into_the_store(placed: Path, cache_dir: Path) -> None:
    content = (placed / "main.py").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    stored = cache_dir / "files" / sha256[:2] / sha256
    assert stored.samefile(placed / "main.py")


EVIL = "raise SystemExit('this must never run')\n"


def overwrite(file: Path) -> None:
    file.chmod(0o644)
    file.write_text(EVIL)


def append(file: Path) -> None:
    file.chmod(0o644)
    with file.open("a") as opened:
        opened.write(EVIL)


def swap(file: Path) -> None:
    file.unlink()
    file.write_text(EVIL)


def link_elsewhere(file: Path) -> None:
    other = file.parent.parent / "evil.py"
    other.write_text(EVIL)
    file.unlink()
    file.symlink_to(other)


def link_to_itself(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("harm", [overwrite, append, swap, link_elsewhere, link_to_itself, remove])
async def test_a_file_that_was_touched_is_noticed_and_repaired(
    placed: Path, double_carton: Path, harm: Callable[[Path], None]
) -> None:
    right = (placed / "main.py").read_bytes()
    harm(placed / "main.py")
    shutil.rmtree(placed / "__pycache__", ignore_errors=True)
    assert await run(double_carton) == 42
    assert (placed / "main.py").read_bytes() == right
    assert not (placed / "main.py").is_symlink()


async def test_a_file_that_was_touched_in_the_store_is_noticed_too(
    placed: Path, double_carton: Path, cache_dir: Path
) -> None:
    for stored in list(cache_dir.glob("files/*/*")):
        overwrite(stored)
    shutil.rmtree(placed / "__pycache__", ignore_errors=True)
    assert await run(double_carton) == 42
    for stored in cache_dir.glob("files/*/*"):
        assert hashlib.sha256(stored.read_bytes()).hexdigest() == stored.name


async def test_a_link_that_was_bent_is_noticed_and_repaired(
    code_dir: Callable[..., Path], packed: Callable[..., Path], cache_dir: Path
) -> None:
    code = code_dir({"main.py": "from .link import *\n", "real.py": DOUBLE})
    (code / "link.py").symlink_to("real.py")
    path = packed(code)
    assert await run(path) == 42
    (folder,) = cache_dir.glob("models/*/_carton_model_module")
    link_elsewhere(folder / "link.py")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    assert await run(path) == 42
    assert (folder / "link.py").readlink() == Path("real.py")


DOUBLE = """
class Model:
    def infer_with_tensors(self, tensors):
        return {"out": tensors["x"] * 2}

def get_model():
    return Model()
"""


async def test_an_untouched_model_is_not_read_again(
    placed: Path, double_carton: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    stream, read_many = ZippedContents.stream, ZippedContents.read_many

    def counted(self: ZippedContents, path: str) -> object:
        read.append(path)
        return stream(self, path)

    def counted_many(self: ZippedContents, paths: list[str]) -> object:
        read.extend(paths)
        return read_many(self, paths)

    monkeypatch.setattr(ZippedContents, "stream", counted)
    monkeypatch.setattr(ZippedContents, "read_many", counted_many)
    assert await run(double_carton) == 42
    assert read, "otherwise this test proves nothing"
    assert not [path for path in read if path.startswith("model/")]
    remove(placed / "main.py")
    assert await run(double_carton) == 42
    assert not [path for path in read if path.startswith("model/")], "the store had it"


async def test_two_cartons_share_the_files_that_they_have_in_common(
    code_dir: Callable[..., Path], packed: Callable[..., Path], cache_dir: Path
) -> None:
    for name in ("one", "other"):
        await run(packed(code_dir({"main.py": DOUBLE, "name": name})))
    mains = list(cache_dir.glob("models/*/_carton_model_module/main.py"))
    assert len(mains) == 2
    assert mains[0].samefile(mains[1])


async def test_a_model_with_one_damaged_file_leaves_only_whole_files_in_the_cache(
    changed: Changed, cache_dir: Path
) -> None:
    with pytest.raises(carton.IntegrityError):
        await carton.load(changed({"model/main.py": b"damaged"}, honest=False))
    for stored in cache_dir.glob("files/*/*"):
        assert hashlib.sha256(stored.read_bytes()).hexdigest() == stored.name
    assert not [folder for folder in cache_dir.glob("files/*") if not list(folder.iterdir())]
    assert not list(cache_dir.rglob(".tmp-*"))
    assert not list(cache_dir.glob("models/*"))


async def test_a_repair_that_fails_leaves_what_was_right_before(
    placed: Path, changed: Changed, cache_dir: Path
) -> None:
    shutil.rmtree(cache_dir / "files")
    shutil.rmtree(placed / ".carton")
    remove(placed / "main.py")
    (placed / "mine").touch()
    with pytest.raises(carton.IntegrityError):
        await carton.load(changed({"model/main.py": b"damaged"}, honest=False))
    assert {path.name for path in placed.iterdir()} - {"__pycache__"} == {"mine"}
    assert (placed.parent / ".lock").exists()


async def test_a_cache_that_cannot_be_written_is_said_to_be_so(
    double_carton: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CARTON_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(carton.StorageError, match=r"the cache at .*file.* cannot be written"):
        await carton.load(double_carton)


PLACE = """
import asyncio, sys
from pathlib import Path
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings

async def main():
    files = await open_carton(sys.argv[1], Settings.load())
    input()
    print((await place_model(files, Path(sys.argv[2]))).path, flush=True)

asyncio.run(main())
"""


def test_processes_at_once_place_one_model(
    packed: Callable[..., Path], code_dir: Callable[..., Path], cache_dir: Path
) -> None:
    code = code_dir({f"{number}/file": os.urandom(100_000) for number in range(30)})
    path = packed(code, runner_name="noop", required_framework_version="*")
    command = [sys.executable, "-c", PLACE, str(path), str(cache_dir)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    folders = {racer.communicate()[0].strip() for racer in racers}
    assert [racer.returncode for racer in racers] == [0] * 4
    (folder,) = map(Path, folders)
    assert len(list(folder.rglob("file"))) == 30
    assert not list(cache_dir.rglob(".tmp-*"))


async def test_placing_twice_gives_the_same_folder(double_carton: Path, cache_dir: Path) -> None:
    from carton_runtime.contents.opening import open_carton

    files: CartonFiles = await open_carton(double_carton, carton.Settings.load())
    assert (await place_model(files, cache_dir)).path == (await place_model(files, cache_dir)).path
