"""`carton.load` of what is far away, in processes of their own: at once, and killed at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fix_models import DOUBLE
from fix_placing import Placer, leftovers

from carton_runtime.testing.range_server import RangeServer

MB = 1_000_000
OVERHEAD = 400_000  # bytes for what describes the carton, and for headers
RUNNERS = {"noop": {"runner_name": "noop", "required_framework_version": "*"}, "python": {}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with RangeServer() as server:
        yield server


def files(size: int) -> dict[str, bytes | str]:
    source = random.Random(size)
    weights = b"".join(source.randbytes(MB) for _ in range(size // MB))
    small = {f"package/{number}.py": b"pass\n" * number for number in range(8)}
    return {"main.py": DOUBLE, "weights": weights, "text": weights[:MB].translate(b"acgt" * 64), **small}


def model_of(cache_dir: Path) -> Path:
    """The folder of the one model in a cache."""
    (folder,) = cache_dir.glob("models/*/_carton_model_module")
    return folder


@pytest.mark.parametrize("size", [20 * MB, pytest.param(500 * MB, marks=pytest.mark.soak)])
@pytest.mark.parametrize("runner", RUNNERS)
def test_two_processes_that_load_it_at_once_download_it_once(
    server: RangeServer,
    packed: Callable[..., Path],
    loader: Callable[..., Placer],
    cache_dir: Path,
    runner: str,
    size: int,
    nothing_left: object,
) -> None:
    path = packed(files(size), **RUNNERS[runner])
    url = server.serve("model.carton", path)
    loaders = [loader(url), loader(url)]
    for one in loaders:
        one.until("loaded")
    assert [one.end() for one in loaders] == [0, 0]
    assert server.sent("model.carton") <= path.stat().st_size + 2 * OVERHEAD
    assert leftovers(cache_dir) == []


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.soak)])
@pytest.mark.parametrize("runner", RUNNERS)
def test_after_a_load_that_was_killed_at_any_moment_the_next_one_works(
    server: RangeServer,
    packed: Callable[..., Path],
    loader: Callable[..., Placer],
    tmp_path: Path,
    runner: str,
    kills: int,
    nothing_left: object,
) -> None:
    content = files(8 * MB)
    url = server.serve("model.carton", packed(content, **RUNNERS[runner]))
    whole = loader(url, cache=tmp_path / "whole")
    whole.until("begun")
    begun = time.monotonic()
    whole.until("loaded")
    takes = time.monotonic() - begun
    codes = []
    rng = random.Random(kills)
    for number in range(kills):
        killed = loader(url, cache=tmp_path / str(number))
        killed.until("begun")
        codes.append(killed.kill(after=rng.random() * takes))
        following = loader(url, cache=tmp_path / str(number))
        following.until("loaded")
        assert following.end() == 0
        folder = model_of(tmp_path / str(number))
        assert all((folder / name).is_file() for name in content)
        assert (folder / "weights").read_bytes() == content["weights"]
        assert leftovers(tmp_path / str(number)) == []
    assert codes.count(-9) > kills / 2
