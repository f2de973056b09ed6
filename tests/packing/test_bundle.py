"""`bundle`: a carton that loads where there is no network at all."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fix_links import Unlinked, sha256_of
from fix_models import DOUBLE
from fix_zips import files_of, zipfile

import carton_runtime as carton
from carton_runtime.testing.range_server import Faults, RangeServer

WEIGHTS = random.Random(1).randbytes(300_000)

LOAD = """
import socket, sys
import numpy as np
import carton_runtime as carton

if __name__ == "__main__":
    try:
        socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=5).close()
        print("there is a network")
    except OSError:
        print("there is no network")
    with carton.sync.load(sys.argv[1]) as model:
        print(model.infer({"x": np.array(21)})["out"], model.info.model_hash)
"""


@pytest.fixture(scope="module")
def bundled(double_carton: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The carton that doubles, with its wheels inside. Do not change it."""
    return carton.sync.bundle(double_carton, output_path=tmp_path_factory.mktemp("bundled") / "bundled.carton")


def alone(tmp_path: Path) -> dict[str, str]:
    """The variables of a user who has nothing yet, not even in uv's cache, and whose proxy refuses everything."""
    folders = {"CARTON_CACHE_DIR": "cache", "CARTON_RUNNER_DATA_DIR": "data", "UV_CACHE_DIR": "uv"}
    refused = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    own = {name: str(tmp_path / "alone" / folder) for name, folder in folders.items()}
    return {**os.environ, **own, **refused, "UV_HTTP_RETRIES": "0", "CARTON_OFFLINE": "1"}


def without_network() -> list[str]:
    """What to put before a command to cut it off from every network; nothing where that takes more than a user may."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rn", "true"], check=False).returncode:
        return []
    return [unshare, "-rn"]


def test_a_bundled_model_runs_where_there_is_no_network(bundled: Path, web: RangeServer, tmp_path: Path) -> None:
    host, _, port = web.url.removeprefix("http://").partition(":")
    command = [sys.executable, "-c", LOAD, str(bundled), host, port]
    cut_off = without_network()
    done = subprocess.run([*cut_off, *command], env=alone(tmp_path), stdout=subprocess.PIPE, text=True, check=True)
    network, result = done.stdout.splitlines()
    assert network == "there is no network" or not cut_off
    assert result == f"42 {carton.sync.get_model_info(bundled).model_hash}"


def test_without_its_wheels_it_would_not(double_carton: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOAD, str(double_carton), "127.0.0.1", "9"]
    done = subprocess.run(command, env=alone(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode
    assert "EnvironmentBuildError" in done.stderr


def manifest_lines(path: Path) -> dict[str, str]:
    return dict(line.rsplit("=", 1) for line in files_of(path)["MANIFEST"].decode().splitlines())


def test_the_wheels_lie_where_the_original_looks_for_them(bundled: Path, double_carton: Path) -> None:
    added = files_of(bundled).keys() - files_of(double_carton).keys()
    assert added
    for path in added:
        _, _, folder, sha256, name = path.split("/")
        assert folder == "bundled_wheels"
        assert name.endswith(".whl")
        assert manifest_lines(bundled)[path] == sha256
    lock = files_of(bundled)["model/.carton/carton.lock"].decode()
    for path in added:
        assert f'bundled_whl_path = "{path.removeprefix("model/")}"' in lock
    assert "url = " not in lock
    assert "orig_deps_hash" in lock


def test_only_the_locks_have_changed(bundled: Path, double_carton: Path) -> None:
    before, after = files_of(double_carton), files_of(bundled)
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {"model/.carton/carton.lock", "model/.carton/pylock.toml", "MANIFEST"}
    models = [carton.sync.get_model_info(path).model_hash for path in (double_carton, bundled)]
    assert models[0] != models[1]


def test_other_machines_still_find_their_wheels_on_the_web(bundled: Path) -> None:
    lock = files_of(bundled)["model/.carton/pylock.toml"].decode()
    assert "win_amd64.whl" in lock
    assert lock.count("path = ") == 1


def test_bundling_again_changes_nothing(bundled: Path, tmp_path: Path) -> None:
    again = carton.sync.bundle(bundled, output_path=tmp_path / "again.carton")
    assert files_of(again) == files_of(bundled)


@pytest.fixture
def heavy(pack_noop: Callable[..., Path]) -> Path:
    """A carton that needs no packages."""
    return pack_noop({"weights": WEIGHTS, "more": b"more"}, misc_files={"picture": b"a picture"})


def test_what_was_linked_to_is_inside_and_nothing_is_linked_to(
    web: RangeServer, heavy: Path, linking: Unlinked, tmp_path: Path
) -> None:
    urls = {path: [web.serve(path, content)] for path, content in files_of(heavy).items() if path != "MANIFEST"}
    path = carton.sync.bundle(linking(heavy, urls), output_path=tmp_path / "whole.carton")
    assert files_of(path) == files_of(heavy)


def test_a_model_without_packages_stays_the_same(heavy: Path, tmp_path: Path) -> None:
    path = carton.sync.bundle(heavy, output_path=tmp_path / "whole.carton")
    assert path.read_bytes() == heavy.read_bytes()


def test_bundling_undoes_shrinking(web: RangeServer, heavy: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.carton"
    carton.sync.shrink(heavy, {sha256_of(WEIGHTS): [web.serve("weights", WEIGHTS)]}, output_path=small)
    assert small.stat().st_size < len(WEIGHTS) // 10
    carton.sync.bundle(web.serve("small.carton", small), output_path=small)
    assert files_of(small) == files_of(heavy)


def test_symlinks_stay(
    web: RangeServer, code_dir: Callable[..., Path], pack_noop: Callable[..., Path], tmp_path: Path
) -> None:
    folder = code_dir({"weights": WEIGHTS})
    (folder / "link").symlink_to("weights")
    links = {sha256_of(WEIGHTS): [web.serve("weights", WEIGHTS)]}
    path = carton.sync.bundle(pack_noop(folder, linked_files=links), output_path=tmp_path / "whole.carton")
    with zipfile.ZipFile(path) as archive:
        assert archive.read("model/link") == b"weights"
        assert archive.read("model/weights") == WEIGHTS


@pytest.mark.parametrize("fault", [Faults(statuses=(404,) * 9), Faults(change_after=0)], ids=["gone", "wrong"])
def test_what_cannot_be_had_is_an_error_and_what_was_there_stays(
    web: RangeServer, heavy: Path, linking: Unlinked, tmp_path: Path, fault: Faults
) -> None:
    path = linking(heavy, {"model/weights": [web.serve("weights", WEIGHTS, fault)]})
    output = tmp_path / "output"
    output.mkdir()
    (output / "whole.carton").write_bytes(b"before")
    with pytest.raises((carton.StorageError, carton.IntegrityError), match=r"model/weights of .*cannot be fetched"):
        carton.sync.bundle(path, output_path=output / "whole.carton")
    assert {path.name: path.read_bytes() for path in output.iterdir()} == {"whole.carton": b"before"}


def test_a_carton_that_pins_nothing_is_locked_anew(
    packed: Callable[..., Path], changed: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bare = changed({"model/.carton/pylock.toml": None, "model/.carton/carton.lock": None}, of=packed(DOUBLE))
    path = carton.sync.bundle(bare, output_path=tmp_path / "whole.carton")
    assert "is locked anew" in caplog.text
    assert any(name.startswith("model/.carton/bundled_wheels/") for name in files_of(path))
    with carton.sync.load(path) as model:
        assert model.infer({"x": np.array(21)})["out"] == 42


def test_a_lock_of_the_original_alone_is_enough(
    packed: Callable[..., Path], changed: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = changed({"model/.carton/pylock.toml": None}, of=packed(DOUBLE))
    path = carton.sync.bundle(old, output_path=tmp_path / "whole.carton")
    assert "locked anew" not in caplog.text
    assert "model/.carton/pylock.toml" not in files_of(path)
    assert any(name.startswith("model/.carton/bundled_wheels/") for name in files_of(path))


def test_what_is_offline_cannot_be_bundled(
    double_carton: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTON_OFFLINE", "1")
    with pytest.raises(
        carton.StorageError, match=r"bundled_wheels/.*\.whl is not in the carton, and cannot be fetched"
    ):
        carton.sync.bundle(double_carton, output_path=tmp_path / "whole.carton")
    assert list(tmp_path.glob("*.carton")) == []


async def test_bundling_leaves_nothing_behind(
    web: RangeServer, heavy: Path, linking: Unlinked, nothing_left: object
) -> None:
    path = await carton.bundle(linking(heavy, {"model/weights": [web.serve("weights", WEIGHTS)]}))
    assert files_of(path) == files_of(heavy)
    path.unlink()


async def test_bundling_can_be_cancelled_while_a_server_is_silent(
    web: RangeServer, heavy: Path, linking: Unlinked, tmp_path: Path, nothing_left: object
) -> None:
    begun, loop = asyncio.Event(), asyncio.get_running_loop()
    path = linking(heavy, {"model/weights": [web.serve("weights", WEIGHTS, Faults(stall_after=1000))]})

    def tell(event: carton.Event) -> None:
        if event.step == "model.fetch" and "weights" in event.message:
            loop.call_soon_threadsafe(begun.set)

    work = asyncio.create_task(carton.bundle(path, output_path=tmp_path / "whole.carton", on_event=tell))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert list(tmp_path.glob("*.carton")) == [path]


async def test_what_was_changed_on_its_way_is_noticed(
    web: RangeServer, heavy: Path, linking: Unlinked, tmp_path: Path, cache_dir: Path
) -> None:
    """A file of the cache that somebody writes to after it was checked."""
    path = linking(heavy, {"model/weights": [web.serve("weights", WEIGHTS)]})

    def spoil(event: carton.Event) -> None:
        if (event.step, event.phase) == ("model.pack", carton.Phase.STARTED):
            (stored,) = cache_dir.glob(f"files/*/{sha256_of(WEIGHTS)}")
            stored.chmod(0o644)
            stored.write_bytes(bytes(len(WEIGHTS)))

    with pytest.raises(carton.IntegrityError, match="model/weights has sha256"):
        await carton.bundle(path, output_path=tmp_path / "whole.carton", on_event=spoil)
    assert list(tmp_path.glob("*.carton")) == [path]
