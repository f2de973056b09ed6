"""`carton_runtime.cache`: what loading leaves there, told, made smaller and checked; what is loaded stays."""

from __future__ import annotations

import datetime as dt
import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_models import DOUBLE, Loader

import carton_runtime as carton

MB = 1_000_000
OPTIONS = {"entrypoint_package": "main", "entrypoint_fn": "get_model"}


@pytest.fixture
def heavy(packed: Callable[..., Path]) -> Callable[[str], Path]:
    """Packs a model of that name with a megabyte of weights of its own."""
    return lambda name: packed({"main.py": DOUBLE, "weights": os.urandom(MB)}, model_name=name)


def titles() -> list[str]:
    return [model.title for model in carton.cache.models()]


def test_an_empty_cache_holds_nothing() -> None:
    assert carton.cache.models() == []
    assert carton.cache.size() == 0
    assert carton.cache.prune() == 0
    assert carton.cache.verify() == []


def test_a_loaded_model_is_told_with_what_it_takes(
    loaded: Loader, heavy: Callable[[str], Path], cache_dir: Path
) -> None:
    before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    model = loaded(heavy("Heavy"))
    (cached,) = carton.cache.models()
    assert (cached.title, cached.model_hash, cached.in_use) == ("Heavy", model.info.model_hash, True)
    assert MB < cached.size < 1.1 * MB
    assert before < cached.used_at < dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1)
    assert cached.path.is_relative_to(cache_dir)
    assert MB < carton.cache.size() < 1.1 * MB


def test_a_model_without_a_name_is_told_by_its_hash(loaded: Loader, double_carton: Path) -> None:
    model = loaded(double_carton)
    assert titles() == [model.info.model_hash[:12]]


async def test_what_is_loaded_stays_until_it_is_closed(heavy: Callable[[str], Path]) -> None:
    model = await carton.load(heavy("Heavy"))
    assert carton.cache.prune() < 0.1 * MB
    assert titles() == ["Heavy"]
    await model.aclose()
    assert not carton.cache.models()[0].in_use
    assert MB < carton.cache.prune() < 1.1 * MB
    assert carton.cache.models() == []
    assert carton.cache.size() == 0


async def test_what_belongs_to_a_model_run_unpacked_goes_once_that_is_closed(
    code_dir: Callable[..., Path], cache_dir: Path
) -> None:
    path = code_dir(DOUBLE)
    async with await carton.load_unpacked(path, "python", ">=3.11", runner_opts=OPTIONS) as model:
        (folder,) = (cache_dir / "unpacked").iterdir()
        assert carton.cache.size() > 0
        carton.cache.prune()
        await model.restart()
        assert folder.is_dir()
    assert carton.cache.prune() > 0
    assert not folder.exists()
    assert carton.cache.size() == 0
    assert (path / "main.py").is_file(), "the model itself is the user's"
    async with await carton.load_unpacked(path, "python", ">=3.11", runner_opts=OPTIONS):
        assert folder.is_dir()


async def test_a_model_that_was_restarted_is_still_in_use(heavy: Callable[[str], Path]) -> None:
    async with await carton.load(heavy("Heavy")) as model:
        await model.restart()
        carton.cache.prune()
        assert titles() == ["Heavy"]


async def test_a_model_that_nobody_holds_any_more_is_not_in_use(heavy: Callable[[str], Path]) -> None:
    model = await carton.load(heavy("Heavy"))
    kernel = model.kernel
    del model
    gc.collect()
    await carton.background.run(kernel.ended())
    async with await carton.load(heavy("Other")):
        pass  # the background loop has come round
    assert [cached.in_use for cached in carton.cache.models()] == [False, False]


async def test_a_load_that_fails_uses_nothing(packed: Callable[..., Path]) -> None:
    path = packed("raise RuntimeError('broken')", model_name="Broken")
    with pytest.raises(carton.ModelError):
        await carton.load(path)
    assert [(model.title, model.in_use) for model in carton.cache.models()] == [("Broken", False)]


async def test_the_cache_keeps_to_its_size(heavy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTON_CACHE_SIZE", "2.5 MB")
    for name in ("one", "two", "three"):
        async with await carton.load(heavy(name)):
            pass
    assert titles() == ["three", "two"]
    assert carton.cache.size() < 2.5 * MB


async def test_a_model_that_is_larger_than_the_cache_is_loaded_all_the_same(
    heavy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTON_CACHE_SIZE", "1 kB")
    async with await carton.load(heavy("one")) as one, await carton.load(heavy("two")) as two:
        assert [float((await model.infer(x=1.0))["out"]) for model in (one, two)] == [2, 2]
        assert titles() == ["two", "one"]


async def test_pruning_may_leave_so_much_or_what_was_used_lately(heavy: Callable[[str], Path]) -> None:
    for name in ("old", "new"):
        async with await carton.load(heavy(name)):
            pass
    carton.cache.prune(older_than=dt.timedelta(days=1))
    assert titles() == ["new", "old"]
    old = carton.cache.models()[1].path
    os.utime(old, (0, 0))
    carton.cache.prune(older_than=dt.timedelta(days=1), to_size="3 MB")
    assert titles() == ["new", "old"]
    carton.cache.prune(older_than=dt.timedelta(days=1))
    assert titles() == ["new"]
    carton.cache.prune(to_size="2 MB")
    assert titles() == ["new"]


@pytest.mark.parametrize("size", ["much", "", None, False, 0.0], ids=repr)
def test_what_is_no_size_is_refused(size: object) -> None:
    with pytest.raises(carton.SettingsError, match=f"{size!r} is no amount"):
        carton.cache.prune(to_size=size)  # type: ignore[arg-type]


@pytest.mark.parametrize("ask", [carton.cache.models, carton.cache.size, carton.cache.prune, carton.cache.verify])
def test_a_cache_that_cannot_be_read_is_told(ask: Callable[[], object], cache_dir: Path) -> None:
    files = cache_dir / "files"
    files.parent.mkdir(parents=True, exist_ok=True)
    files.symlink_to(files)
    with pytest.raises(carton.StorageError, match=r"the cache at .* cannot be read"):
        ask()
    files.unlink()


def test_what_is_no_age_is_refused() -> None:
    with pytest.raises(carton.SettingsError, match=r"older_than=7 is no datetime\.timedelta"):
        carton.cache.prune(older_than=7)


async def test_no_age_is_too_large(heavy: Callable[[str], Path]) -> None:
    async with await carton.load(heavy("old")):
        pass
    assert carton.cache.prune(older_than=dt.timedelta.max) == 0
    assert titles() == ["old"]


async def test_a_damaged_model_is_told_and_fetched_again(heavy: Callable[[str], Path]) -> None:
    path = heavy("Heavy")
    async with await carton.load(path):
        pass
    weights = carton.cache.models()[0].path / "_carton_model_module" / "weights"
    stat = weights.stat()
    right = weights.read_bytes()
    weights.chmod(0o644)
    weights.write_bytes(b"x" * MB)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    async with await carton.load(path):
        assert weights.read_bytes() != right, "or else loading notices it anyway"
    (damage,) = carton.cache.verify()
    assert damage.models == ("Heavy",)
    async with await carton.load(path):
        assert weights.read_bytes() == right
    assert carton.cache.verify() == []


def test_verifying_tells_how_far_it_is(loaded: Loader, heavy: Callable[[str], Path]) -> None:
    loaded(heavy("Heavy"))
    events: list[carton.Event] = []
    carton.cache.verify(on_event=events.append)
    assert {event.step for event in events} == {"cache.verify"}
    assert events[-1].phase is carton.Phase.FINISHED
    assert events[-1].done == events[-1].total
