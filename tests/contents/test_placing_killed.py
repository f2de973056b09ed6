"""A load that is killed at any moment: the next one works, and nothing is left over."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fix_placing import Placer, leftovers

from carton_runtime.testing.range_server import RangeServer

FILES = {
    "weights": random.Random(1).randbytes(6_000_000),
    "text": random.Random(2).randbytes(6_000_000).translate(b"acgt" * 64),
    **{f"package/{number}.py": b"pass\n" * number for number in range(8)},
}


@pytest.fixture(scope="module")
def path(packed: Callable[..., Path]) -> Path:
    """A carton with files of every kind: stored, compressed, small and linked."""
    return packed(FILES, runner_name="noop", required_framework_version="*")


@pytest.fixture
def url(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "*")
    with RangeServer() as server:
        yield server.serve("model.carton", path)


def steps_of(placer: Callable[..., Placer], location: Path | str, cache: Path) -> int:
    """How many steps a load has."""
    return int(placer(location, cache=cache).until("steps"))


def check(cache_dir: Path, folder: Path) -> None:
    assert {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} == FILES.keys()
    assert all((folder / name).read_bytes() == content for name, content in FILES.items())
    assert leftovers(cache_dir) == []


@pytest.mark.parametrize("kills", [6, pytest.param(30, marks=pytest.mark.soak)])
@pytest.mark.parametrize("place", ["here", "far"])
def test_killed_at_a_random_step(
    placer: Callable[..., Placer], path: Path, url: str, tmp_path: Path, place: str, kills: int
) -> None:
    location = path if place == "here" else url
    steps = steps_of(placer, location, tmp_path / "whole")
    codes = []
    for number, step in enumerate(random.Random(kills).sample(range(1, steps), kills)):
        cache = tmp_path / str(number)
        codes.append(placer(location, steps=step, cache=cache).end())
        folder = Path(placer(location, cache=cache).until("placed"))
        check(cache, folder)
    # One that is told of its progress less often, since it is quicker, has fewer steps, and may end before its last.
    assert set(codes) <= {-9, 0}
    assert codes.count(-9) > kills // 2


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_killed_again_and_again_a_load_gets_done(
    placer: Callable[..., Placer], path: Path, cache_dir: Path, kills: int
) -> None:
    steps = 10
    for _ in range(kills):
        placer(path, steps=steps).end()
        steps += 2
    check(cache_dir, Path(placer(path).until("placed")))


def test_a_repair_that_was_killed_at_any_step_is_done_by_the_next(
    placer: Callable[..., Placer], path: Path, cache_dir: Path
) -> None:
    folder = Path(placer(path).until("placed"))
    kills = 0
    for step in range(1, 200, 7):
        (folder / "weights").chmod(0o644)
        (folder / "weights").write_bytes(b"damaged")
        code = placer(path, steps=step).end()
        assert Path(placer(path).until("placed")) == folder
        check(cache_dir, folder)
        if code == 0:  # it had fewer steps
            break
        kills += 1
    assert kills > 2


def test_leftovers_would_have_been_noticed(placer: Callable[..., Placer], path: Path, cache_dir: Path) -> None:
    placer(path).until("placed")
    stored = next(cache_dir.glob("files/*/*"))
    stored.chmod(0o644)
    stored.write_bytes(b"damaged")
    (cache_dir / "partial" / "a").touch()
    (cache_dir / "files" / "b").touch()
    assert len(leftovers(cache_dir)) == 4
