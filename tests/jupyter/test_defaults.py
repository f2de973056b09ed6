"""``%config CartonMagics.…``: what the magics do when a line does not say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton

Run = Callable[[str], Any]
OPTIONS = ["device", "memory_limit", "panel", "progress", "timeout"]


@pytest.fixture
def closing(shell: InteractiveShell) -> Iterator[None]:
    """Closes the model ``m``."""
    yield
    carton.sync.Carton(shell.user_ns["m"]).close()


def test_each_explains_itself(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("%config CartonMagics")
    shown = capsys.readouterr().out
    assert [line.partition("=")[0] for line in shown.splitlines() if line.startswith("CartonMagics.")] == [
        f"CartonMagics.{name}" for name in OPTIONS
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("device", "'cpu'"), ("device", "0"), ("memory_limit", "'2GB'"), ("panel", "False"), ("timeout", "2.5")],
)
def test_each_can_be_set_and_survives_a_reload(run: Run, name: str, value: str) -> None:
    run(f"%config CartonMagics.{name} = {value}")
    run("%reload_ext carton_jupyter")
    assert run(f"%config CartonMagics.{name}") == run(value)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("device", "'gpu'", "CartonMagics.device: 'gpu' is not a device"),
        ("memory_limit", "'lots'", "CartonMagics.memory_limit: 'lots' is no amount of memory"),
        ("timeout", "0", "CartonMagics.timeout takes seconds"),
        ("timeout", "float('nan')", "CartonMagics.timeout takes seconds"),
        ("progress", "'of'", "'progress' trait"),
    ],
)
def test_a_wrong_value_is_told_and_changes_nothing(
    run: Run, caplog: pytest.LogCaptureFixture, name: str, value: str, told: str
) -> None:
    before = run(f"%config CartonMagics.{name}")
    with caplog.at_level(logging.ERROR):
        run(f"%config CartonMagics.{name} = {value}")
    assert told in caplog.text
    assert run(f"%config CartonMagics.{name}") == before


def test_a_wrong_value_does_not_keep_the_extension_from_loading_again(
    run: Run, shell: InteractiveShell, caplog: pytest.LogCaptureFixture
) -> None:
    run("%config CartonMagics.timeout = 5")
    run("%config CartonMagics.progress = 'of'")
    with pytest.warns(UserWarning, match=r"progress.*; the default is used"):
        run("%reload_ext carton_jupyter")
    assert run("%config CartonMagics.timeout") == 5
    run("%reload_ext carton_jupyter")  # and it is told once


def test_a_misspelt_option_is_told_with_the_one_that_was_meant(run: Run) -> None:
    with pytest.warns(UserWarning, match="Did you mean `timeout`"):
        run("%config CartonMagics.tiemout = 5")


@pytest.mark.usefixtures("closing")
def test_a_model_is_loaded_as_is_configured(run: Run, double_carton: Path) -> None:
    run("%config CartonMagics.memory_limit = '1GB'")
    run("%config CartonMagics.device = 'GPU-1234'")
    model = run(f"%carton_load {double_carton} --to m")
    assert model.kernel.device == "GPU-1234"
    with pytest.raises(carton.CartonError, match=r"(?i)memory"):
        carton.sync.Carton(model).infer(x=[0.0] * 80_000_000)


@pytest.mark.usefixtures("closing")
def test_a_line_goes_before_what_is_configured(run: Run, double_carton: Path) -> None:
    run("%config CartonMagics.memory_limit = '1'")
    assert run(f"%carton_load {double_carton} --memory-limit 4GB --to m").kernel.state.value == "idle"
