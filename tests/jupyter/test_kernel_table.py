"""The magics about the processes of models that are loaded."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fix_models import Loader
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton
from carton_jupyter.kernel_table import KernelTable
from carton_runtime import background

Run = Callable[[str], Any]


@pytest.fixture
def model(shell: InteractiveShell, loaded: Loader) -> carton.Carton:
    """A running model, which is the variable ``m``."""
    model = loaded.code(model_name="Double")
    shell.user_ns["m"] = model
    return model


@pytest.fixture
def table(shell: InteractiveShell) -> Callable[[], KernelTable | None]:
    """The table that is shown last."""
    magics = shell.magics_manager.registry["CartonMagics"]
    return lambda: magics._table


def in_cell(shell: InteractiveShell, name: str, text: str) -> None:
    shell.run_cell(text, cell_id=name).raise_error()


def test_the_table_names_each_model_and_its_process(
    run: Run, model: carton.Carton, capsys: pytest.CaptureFixture[str]
) -> None:
    run("%carton_kernels")
    assert f"Double: idle, pid {model.kernel.pid}, 0 calls" in capsys.readouterr().out


def test_a_model_that_died_is_in_the_table_with_what_it_died_of(
    run: Run, model: carton.Carton, capsys: pytest.CaptureFixture[str]
) -> None:
    os.kill(model.kernel.pid, signal.SIGKILL)
    background.run_blocking(model.kernel.ended())
    run("%carton_kernels")
    told = capsys.readouterr().out
    assert f"Double: dead, pid {model.kernel.pid}, 0 calls" in told
    assert "killed (signal 9) by something outside" in told


def test_a_table_without_models_says_so(kernel: Any) -> None:
    _, shown = kernel.run("%carton_kernels")
    assert shown[0]["data"]["text/plain"] == "no model is loaded"
    assert "no model is loaded" in shown[0]["data"]["text/html"]


def test_what_a_front_end_shows_is_kept_up_to_date(kernel: Any, double_carton: Path) -> None:
    _, shown = kernel.run("%carton_kernels")
    kernel.run(f"m = %carton_load {double_carton}")
    while True:
        message = kernel.client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "update_display_data":
            break
    assert message["content"]["transient"] == shown[0]["transient"]
    assert ": idle, pid" in message["content"]["data"]["text/plain"]
    kernel.run("await m.aclose()")


def test_a_cell_that_runs_again_ends_its_tables_updates(
    shell: InteractiveShell, table: Callable[[], KernelTable | None]
) -> None:
    in_cell(shell, "one", "%carton_kernels")
    shown = table()
    in_cell(shell, "two", "1 + 1")
    assert shown is not None
    assert shown.live
    in_cell(shell, "one", "2 + 2")
    assert not shown.live


def test_a_second_table_ends_the_updates_of_the_first(run: Run, table: Callable[[], KernelTable | None]) -> None:
    run("%carton_kernels")
    first = table()
    run("%carton_kernels")
    second = table()
    assert first is not None
    assert second is not None
    assert (first.live, second.live) == (False, True)


def test_unloading_the_extension_ends_the_updates(bare_shell: InteractiveShell, request: pytest.FixtureRequest) -> None:
    bare_shell.extension_manager.load_extension("carton_jupyter")
    table = request.getfixturevalue("table")
    bare_shell.run_cell("%carton_kernels").raise_error()
    shown = table()
    bare_shell.extension_manager.unload_extension("carton_jupyter")
    assert not shown.live


@pytest.mark.parametrize("held", ["model", "synchronous"])
def test_a_model_is_restarted_by_the_name_of_its_variable(
    run: Run, shell: InteractiveShell, model: carton.Carton, held: str
) -> None:
    if held == "synchronous":
        shell.user_ns["m"] = carton.sync.Carton(model)
    before = model.kernel.pid
    run("%carton_restart m")
    assert model.kernel.pid != before
    assert carton.sync.Carton(model).infer(x=2)["out"] == 4


def test_a_model_is_unloaded_by_the_name_of_its_variable(run: Run, model: carton.Carton) -> None:
    run("%carton_unload m")
    assert model.kernel not in carton.kernels()
    with pytest.raises(carton.CartonError, match="closed"):
        carton.sync.Carton(model).infer(x=2)


@pytest.mark.parametrize("magic", ["%carton_restart", "%carton_unload"])
@pytest.mark.usefixtures("model")
def test_a_name_that_holds_no_model_is_refused_with_those_that_do(
    run: Run, shell: InteractiveShell, magic: str
) -> None:
    shell.user_ns.update(number=3, n=shell.user_ns["m"])
    for name in ("number", "nothing"):
        with pytest.raises(UsageError, match=f"'{name}' holds no model; models are in m, n"):
            run(f"{magic} {name}")


@pytest.mark.parametrize("magic", ["%carton_restart", "%carton_unload"])
def test_where_no_variable_holds_a_model_that_is_said(run: Run, magic: str) -> None:
    with pytest.raises(UsageError, match="no variable holds a model"):
        run(f"{magic} m")


@pytest.mark.parametrize("magic", ["%carton_kernels", "%carton_restart", "%carton_unload"])
def test_each_helps(run: Run, capsys: pytest.CaptureFixture[str], magic: str) -> None:
    run(f"{magic} --help")
    assert capsys.readouterr().out.startswith(f"usage: {magic}")


@pytest.mark.parametrize("line", ["%carton_restart", "%carton_unload", "%carton_kernels m"])
def test_wrong_use_is_one_line(run: Run, line: str) -> None:
    with pytest.raises(UsageError, match="--help says more") as raised:
        run(line)
    assert "\n" not in str(raised.value)
