"""``%carton_test``: a carton's self tests, from a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_models import DOUBLE, Loader, Packed
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton

Run = Callable[[str], Any]

TWO = [
    carton.SelfTest({"x": np.array(2.0)}, "right", expected_out={"out": np.array(4.0)}),
    carton.SelfTest({"x": np.array(2.0)}, "wrong", expected_out={"out": np.array(5.0)}),
]


@pytest.fixture(scope="module")
def path(packed: Packed) -> Path:
    """A carton with a test that passes and one that fails."""
    return packed(
        DOUBLE,
        model_name="Double",
        inputs=[carton.TensorSpec("x", "float64", [])],
        outputs=[carton.TensorSpec("out", "float64", [])],
        self_tests=TWO,
    )


@pytest.fixture
def model(shell: InteractiveShell, loaded: Loader, path: Path) -> carton.Carton:
    """The variable ``m``."""
    shell.user_ns["m"] = model = loaded(path)
    return model


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("subject", ["m", ""])
def test_a_loaded_model_is_tested(run: Run, subject: str) -> None:
    report = run(f"%carton_test {subject} --to named")
    assert [result.passed for result in report] == [True, False]
    assert report is run("named")


def test_a_carton_is_loaded_for_its_tests_and_its_process_ended(run: Run, path: Path) -> None:
    report = run(f"%carton_test {path}")
    assert [result.name for result in report] == ["right", "wrong"]
    assert carton.kernels() == []


def test_a_carton_of_the_working_directory_needs_no_slash(
    run: Run, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "double").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    assert len(run("%carton_test double")) == 2


@pytest.mark.usefixtures("model")
def test_strictly_a_failure_is_an_error_and_the_report_is_shown(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(carton.ModelError, match=r"^1 of 2 self tests of 'Double' fail: wrong$"):
        run("%carton_test m --strict --to report")
    assert "1 of 2 self tests pass" in capsys.readouterr().out
    assert len(run("report")) == 2


def test_strictly_no_test_is_an_error_too(run: Run, double_carton: Path) -> None:
    assert len(run(f"%carton_test {double_carton}")) == 0
    with pytest.raises(carton.ModelError, match="has no self tests"):
        run(f"%carton_test {double_carton} --strict")


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("mm", "'mm' holds no model; did you mean m?"),
        ("where", "'where' is a variable that holds a path; write {where} for what it holds"),
        ("m --strct", "did you mean --strict?"),
        ("m n", "one argument too many"),
    ],
)
def test_wrong_use_is_one_line(run: Run, shell: InteractiveShell, line: str, told: str) -> None:
    shell.user_ns["where"] = Path("x.carton")
    with pytest.raises(UsageError) as raised:
        run(f"%carton_test {line}")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_left_out_has_to_be_clear(run: Run, shell: InteractiveShell, loaded: Loader) -> None:
    with pytest.raises(UsageError, match="no variable holds a model"):
        run("%carton_test")
    shell.user_ns.update(n=loaded.code(), m=loaded.code())
    with pytest.raises(UsageError, match="say which of m, n"):
        run("%carton_test")


def test_a_path_that_leads_nowhere_is_told(run: Run) -> None:
    with pytest.raises(carton.StorageError, match="does not exist"):
        run("%carton_test nothing.carton")


def test_it_helps(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("%carton_test --help")
    assert capsys.readouterr().out.startswith("usage: %carton_test")
