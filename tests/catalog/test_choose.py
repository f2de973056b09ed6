"""Choosing a runner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carton_runtime.catalog.choose import Choice, choose, host_platform
from carton_runtime.catalog.discover import RunnerEntry
from carton_runtime.errors import RunnerNotFoundError
from carton_runtime.format.document import RunnerInfo
from carton_runtime.format.targets import is_known_target

LINUX = "x86_64-unknown-linux-gnu"
OLD, NEW = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
TORCH = RunnerEntry("torch", "2.1.0", 1, 2, OLD, Path("/r/torch"), None, Path("/r/torch/runner.toml"))
PYTHON = RunnerEntry("python", None, 1, 2, OLD, Path("/r/py"), None, Path("/r/py/runner.toml"), framework="python")


@dataclass(frozen=True)
class Interpreter:
    version: str


PYTHONS = (Interpreter("3.11.7"), Interpreter("3.9.18"), Interpreter("3.10.2"), Interpreter("3.10.13"))


def chosen(runner: RunnerInfo, *entries: RunnerEntry, pythons: Sequence[Interpreter] = PYTHONS) -> Choice[Interpreter]:
    return choose(runner, entries, pythons, LINUX)


def test_name_version_compat_version_and_platform_must_fit() -> None:
    asked = RunnerInfo("torch", "^2.0", 1)
    misfits = (
        replace(TORCH, name="tensorflow"),
        replace(TORCH, framework_version="1.9.0"),
        replace(TORCH, compat_version=2),
        replace(TORCH, platform="aarch64-apple-darwin"),
        replace(TORCH, interface_version=1),
    )
    for misfit in misfits:
        with pytest.raises(RunnerNotFoundError):
            chosen(asked, misfit)
        assert chosen(asked, misfit, TORCH).entry is TORCH


def test_a_runner_for_this_platform_fits() -> None:
    here = replace(TORCH, platform=LINUX)
    assert chosen(RunnerInfo("torch", "^2.0", 1), here).entry is here


def test_the_newest_release_wins_and_not_the_newest_framework() -> None:
    newer = replace(TORCH, framework_version="2.0.0", release_date=NEW)
    assert chosen(RunnerInfo("torch", "^2.0", 1), TORCH, newer).entry is newer


def test_of_equally_new_runners_the_first_wins() -> None:
    other = replace(TORCH, framework_version="2.2.0")
    assert chosen(RunnerInfo("torch", "^2.0", 1), TORCH, other).entry is TORCH


def test_without_a_compat_version_any_fits() -> None:
    newer = replace(TORCH, compat_version=7, release_date=NEW)
    assert chosen(RunnerInfo("torch", "^2.0"), TORCH, newer).entry is newer


@pytest.mark.parametrize(
    ("requirement", "version"), [(">=3.8", "3.11.7"), ("=3.10", "3.10.13"), ("<3.10", "3.9.18"), ("=3.10.2", "3.10.2")]
)
def test_for_python_the_first_interpreter_wins_if_it_fits_and_else_the_newest(requirement: str, version: str) -> None:
    interpreter = chosen(RunnerInfo("python", requirement, 1), PYTHON).interpreter
    assert interpreter is not None
    assert interpreter.version == version


def test_a_python_that_is_missing_is_left_to_whoever_can_get_one() -> None:
    choice = chosen(RunnerInfo("python", "=3.14", 1), PYTHON)
    assert choice.interpreter is None
    assert "no Python here fits" in choice.reason


def test_a_runner_with_a_version_of_its_own_needs_no_interpreter() -> None:
    assert chosen(RunnerInfo("torch", "^2.0", 1), TORCH).interpreter is None


def test_the_choice_gives_its_reason() -> None:
    choice = chosen(RunnerInfo("python", "=3.10", 1), PYTHON)
    assert choice.reason == (
        "runner python of 2025-01-01 from /r/py/runner.toml is the only one that fits =3.10 (Python 3.10.13)"
    )
    newer = replace(TORCH, release_date=NEW)
    assert "the newest of 2 that fit" in chosen(RunnerInfo("torch", "2", 1), TORCH, newer).reason


def test_when_nothing_fits_each_runner_is_named_with_why_not() -> None:
    others = (
        replace(TORCH, framework_version="1.9.0"),
        replace(TORCH, compat_version=2),
        replace(TORCH, platform="aarch64-apple-darwin"),
        PYTHON,
    )
    with pytest.raises(RunnerNotFoundError) as caught:
        chosen(RunnerInfo("torch", "2", 1), *others)
    message = str(caught.value)
    assert f"no runner 'torch' for version ^2, compat version 1 on {LINUX}" in message
    for words in (
        "1.9.0 is not in ^2",
        "compat version 2, not 1",
        "for aarch64-apple-darwin",
        "python (/r/py/runner.toml)",
    ):
        assert words in message


def test_with_no_runner_at_all_that_is_said() -> None:
    with pytest.raises(RunnerNotFoundError, match="no runner is installed at all"):
        chosen(RunnerInfo("torch", "2", 1))


def test_this_machine_is_a_target_that_exists() -> None:
    assert is_known_target(host_platform())
    assert host_platform().count("-") >= 2
