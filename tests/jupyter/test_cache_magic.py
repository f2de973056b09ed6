"""``%carton_cache``: what is in the cache, made smaller and checked from a cell."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fix_models import DOUBLE, Loader
from IPython.core.error import UsageError

import carton_runtime as carton
from carton_jupyter.presenter import html, text
from carton_jupyter.presenter.cache_view import age_text, cache_view, size_text

Run = Callable[[str], Any]
Shown = Callable[[], list[str]]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """The lines that a terminal shows."""

    def lines() -> list[str]:
        return capsys.readouterr().out.splitlines()

    return lines


@pytest.fixture
def heavy(packed: Callable[..., Path]) -> Callable[[str], Path]:
    return lambda name: packed({"main.py": DOUBLE, "weights": os.urandom(1_000_000)}, model_name=name)


@pytest.fixture
def two(loaded: Loader, heavy: Callable[[str], Path]) -> None:
    """One model that was loaded, and one that is."""
    carton.sync.load(heavy("Old")).close()
    loaded(heavy("New"))


@pytest.mark.usefixtures("two")
def test_models_are_told_with_what_they_take_and_when_they_were_used(run: Run, shown: Shown) -> None:
    run("%carton_cache")
    assert shown() == ["New: 1.0 MB, used now", "Old: 1.0 MB, used just now", "2.0 MB of 50 GB"]


def test_an_empty_cache_is_told_too(run: Run, shown: Shown) -> None:
    run("%carton_cache")
    assert shown() == ["0 B of 50 GB"]


@pytest.mark.usefixtures("two")
def test_pruning_takes_what_is_not_loaded(run: Run, shown: Shown) -> None:
    run("%carton_cache --prune")
    assert shown() == ["1.0 MB freed", "New: 1.0 MB, used now", "1.0 MB of 50 GB"]


@pytest.mark.usefixtures("two")
def test_pruning_leaves_as_much_as_is_said_and_what_was_used_lately(run: Run, shown: Shown) -> None:
    run("%carton_cache --prune 10MB")
    run("%carton_cache --prune --older-than 7d")
    assert [line for line in shown() if line.endswith("freed")] == ["0 B freed", "0 B freed"]


@pytest.mark.usefixtures("two")
def test_verifying_tells_what_was_damaged(run: Run, shown: Shown, cache_dir: Path) -> None:
    run("%carton_cache --verify")
    assert shown()[0] == "all files are as they should be"
    (weights,) = [path for path in cache_dir.glob("models/*/*/weights") if b"Old" in about(path)]
    weights.chmod(0o644)
    weights.write_bytes(b"damaged")
    run("%carton_cache --verify")
    assert shown()[0] == "1 file was damaged and removed, of Old"


def about(weights: Path) -> bytes:
    return (weights.parent.parent / ".about.json").read_bytes()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--older-than 7d", "--older-than goes with --prune"),
        ("--prune --older-than soon", "an age such as 7d, 12h or 30m, not 'soon'"),
        ("--prun", "did you mean --prune"),
        ("more", "one argument too many"),
    ],
)
def test_wrong_use_is_one_line(run: Run, line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        run(f"%carton_cache {line}")
    assert "\n" not in str(raised.value)


def test_it_helps(run: Run, shown: Shown) -> None:
    run("%carton_cache --help")
    assert shown()[0].startswith("usage: %carton_cache")


def test_a_front_end_shows_a_table(kernel: Any) -> None:
    _, shown = kernel.run("%carton_cache")
    data = shown[0]["data"]
    assert "carton-card" in data["text/html"]
    assert "of 50 GB" in data["text/html"]
    assert data["text/plain"].endswith("of 50 GB")


def test_names_are_text_in_the_table() -> None:
    model = carton.cache.CachedModel(
        "<b>Evil</b>", "0" * 64, 10, datetime.now(UTC) - timedelta(hours=3), in_use=True, path=Path("cache")
    )
    view = cache_view([model], 10, 100, ["<i>"])
    assert "&lt;b&gt;Evil" in html.cached(view)
    assert "<i>" not in html.cached(view)
    assert "no model is in the cache" in html.cached(cache_view([], 0, 100))
    assert text.cached(view) == "<i>\n<b>Evil</b>: 10 B, used now\n10 B of 100 B"


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_960, "10 kB"), (50e9, "50 GB"), (1.5e12, "1.5 TB")],
)
def test_sizes_are_written_as_people_do(size: float, shown: str) -> None:
    assert size_text(size) == shown


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_ages_are_written_as_people_do(age: timedelta, shown: str) -> None:
    assert age_text(age) == shown
