"""A cache in a temporary folder: gone with whoever had it, however that ended."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

from carton_runtime.errors import StorageError
from carton_runtime.storage.cache import temporary as module
from carton_runtime.storage.cache.temporary import TemporaryCache
from carton_runtime.storage.locks import try_lock

MAKE = """
import os, sys
from carton_runtime.storage.cache.temporary import TemporaryCache

cache = TemporaryCache()
(cache.path / "file").touch()
print(cache.path, flush=True)
if sys.argv[1] == "fork" and os.fork() == 0:
    sys.exit()  # as a child that ends like any program does
if sys.argv[1] == "fork":
    os.wait()
    print((cache.path / "file").exists(), flush=True)
sys.stdin.readline()
"""


def folders(temporary: Path) -> list[Path]:
    return list(temporary.glob("carton-model-*"))


def test_it_goes_when_it_is_released(temporary: Path) -> None:
    cache = TemporaryCache()
    (cache.path / "file").touch()
    assert folders(temporary) == [cache.path]
    cache.release()
    cache.release()
    assert folders(temporary) == []


def test_it_goes_when_nobody_holds_it_any_more(temporary: Path, nothing_left: object) -> None:
    TemporaryCache()
    gc.collect()
    assert folders(temporary) == []


def made_elsewhere(how: str) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", MAKE, how], **pipes)


def test_it_goes_with_its_process(temporary: Path) -> None:
    with made_elsewhere("plain") as process:
        folder = Path(process.stdout.readline().strip())
        assert folder.is_relative_to(temporary)
        process.communicate("\n")
    assert not folder.exists()


def test_it_does_not_go_with_a_process_that_was_forked(temporary: Path) -> None:
    with made_elsewhere("fork") as process:
        assert process.stdout.readline()
        assert process.stdout.readline() == "True\n"
        process.communicate("\n")
    assert folders(temporary) == []


def test_that_of_a_killed_process_goes_with_the_next_and_that_of_a_living_one_stays(temporary: Path) -> None:
    with made_elsewhere("plain") as killed, made_elsewhere("plain") as living:
        dead, alive = (Path(process.stdout.readline().strip()) for process in (killed, living))
        killed.kill()
        killed.wait()
        TemporaryCache().release()
        assert folders(temporary) == [alive]
        assert dead != alive
        living.communicate("\n")


def test_one_that_another_process_takes_for_abandoned_is_made_anew(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(["carton-model-removed", "carton-model-held", "carton-model-ours"])
    held = []

    def make(prefix: str) -> str:
        folder = temporary / next(names)
        if not folder.name.endswith("removed"):
            folder.mkdir()
        if folder.name.endswith("held"):
            held.append(try_lock(folder))
        return str(folder)

    monkeypatch.setattr(module.tempfile, "mkdtemp", make)
    cache = TemporaryCache()
    assert cache.path.name == "carton-model-ours"
    cache.release()
    held[0].release()


def test_a_place_where_nothing_can_be_made_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module.tempfile, "tempdir", os.fspath(tmp_path / "gone"))
    with pytest.raises(StorageError, match="neither the cache nor the temporary folder can be written"):
        TemporaryCache()
