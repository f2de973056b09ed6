"""Damaged cartons are read, or refused with a `CartonError`: nothing else, in bounded memory and time."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hostile import mutations_folders
from hostile.corpus import DRAFTS, corpus
from hostile.fuzz import MEMORY, read_all
from hostile.mutations import DAMAGES, Damage, damaged
from hostile.sandbox import Sandbox
from hostile.zoo_folders import unpack

from carton_runtime import StorageError

SEED = 20261121
QUICK, FULL = 300, 10_000
TESTS = Path(__file__).resolve().parents[1]

Fuzz = Callable[..., dict[str, Any]]


@pytest.fixture
def fuzz() -> Fuzz:
    """Runs rounds in a process of their own, and gives its report."""

    def run(rounds: int, **options: object) -> dict[str, Any]:
        arguments = [f"--{name}={value}" for name, value in options.items()]
        done = subprocess.run(
            [sys.executable, "-m", "hostile.fuzz", f"--seed={SEED}", f"--rounds={rounds}", *arguments],
            # Threads of numpy reserve address space, which is what is limited
            env={**os.environ, "PYTHONPATH": str(TESTS), "OPENBLAS_NUM_THREADS": "1"},
            cwd=TESTS.parent,
            stdout=subprocess.PIPE,
            check=True,
        )
        report: dict[str, Any] = json.loads(done.stdout)
        print(report)  # noqa: T201  the seed and the figures
        return report

    return run


def check(report: dict[str, Any], rounds: int) -> None:
    assert report["failures"] == [], (
        f"run one again, in tests: python -m hostile.fuzz --seed={SEED} --rounds=1 --first=NUMBER"
    )
    assert report["rounds"] == rounds == sum(report["outcomes"].values())
    assert {"read", "FormatError", "IntegrityError"} <= report["outcomes"].keys(), (
        "some damage matters and some does not"
    )
    assert report["peak_memory"] < MEMORY


def test_damaged_cartons_are_read_or_refused(fuzz: Fuzz) -> None:
    check(fuzz(QUICK), QUICK)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_damaged_cartons_are_read_or_refused(fuzz: Fuzz) -> None:
    check(fuzz(FULL), FULL)


@pytest.mark.parametrize(
    ("broken", "words"), [("memory", "MemoryError"), ("time", "TimeoutError"), ("outside", "outside")]
)
def test_what_takes_memory_or_time_or_writes_elsewhere_is_noticed(fuzz: Fuzz, broken: str, words: str) -> None:
    report = fuzz(1, **{"break": broken}, seconds=0.5 if broken == "time" else 60)
    assert [failure.partition(":")[0] for _, failure in report["failures"]] == [words]
    with pytest.raises(AssertionError):
        check(report, 1)


def test_undamaged_cartons_are_read_whole(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTON_OFFLINE", "1")
    path = sandbox.cartons / "whole.carton"
    for number, content in enumerate(corpus(tmp_path)):
        path.write_bytes(content)
        if number < len(DRAFTS) and list(DRAFTS)[number] == "linked elsewhere":
            with pytest.raises(StorageError, match="CARTON_OFFLINE"):
                asyncio.run(read_all(path))
        else:
            asyncio.run(read_all(path))


def test_a_round_is_the_same_whenever_it_is_run(tmp_path: Path) -> None:
    cartons = [draft.zipped() for draft in DRAFTS.values()]
    for number in range(50):
        assert damaged(Random(f"1:{number}"), cartons) == damaged(Random(f"1:{number}"), cartons)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_every_kind_of_damage_damages(damage: Damage) -> None:
    whole = [draft.zipped() for draft in DRAFTS.values()]
    results = {damage(Random(number), whole[number % len(whole)]) for number in range(30)}
    assert len(results - set(whole)) > 15


@pytest.mark.parametrize("damage", mutations_folders.DAMAGES, ids=lambda damage: damage.__name__)
def test_every_kind_of_damage_to_a_folder_damages(damage: Callable[[Random, Path], None], tmp_path: Path) -> None:
    whole, damaged_one = (unpack(DRAFTS["zstd"], tmp_path / name) for name in ("whole", "damaged"))
    damage(Random(1), damaged_one / "model" / "weights.bin")
    assert listing(damaged_one) != listing(whole)


def listing(folder: Path) -> dict[str, object]:
    files = {path: path.lstat().st_mode for path in folder.rglob("*")}
    return {
        str(path.relative_to(folder)): (
            mode,
            path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 20 else 0,
        )
        for path, mode in files.items()
    }
