from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton
from carton_jupyter import failures

Run = Callable[[str], Any]

LINES = """
import carton_runtime.sync as carton

def ask():
    carton.get_model_info("nothing.carton")

ask()
"""


def test_only_the_readers_lines_are_shown(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell(LINES)
    shown = capsys.readouterr().out
    assert "in ask()" in shown
    assert 'carton.get_model_info("nothing.carton")' in shown
    assert "StorageError: nothing.carton does not exist" in shown
    assert "background.py" not in shown
    assert len(shown.splitlines()) < 20


def test_a_magic_shows_its_line(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("m = %carton_load nothing.carton")
    shown = capsys.readouterr().out
    assert "carton_load" in shown
    assert "interactiveshell.py" not in shown
    assert "commands.py" not in shown


def test_verbose_mode_shows_every_frame(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_line_magic("xmode", "Verbose")
    shell.run_cell(LINES)
    assert "background.py" in capsys.readouterr().out


def test_what_a_model_raised_is_part_of_the_message(shell: InteractiveShell) -> None:
    error = carton.ModelError(
        "the model raised ValueError: no", remote_type="ValueError", remote_traceback="File main.py"
    )
    assert "File main.py" in "\n".join(failures.render(error))


def test_a_cause_is_left_out_and_stays_with_the_error(run: Run, shell: InteractiveShell) -> None:
    error = carton.KernelDiedError("gone", pid=1, exit_code=-9, log=["last words"])
    error.__cause__ = OSError("a pipe broke")
    shown = "\n".join(failures.render(error))
    assert "last words" in shown
    assert "a pipe broke" not in shown
    assert isinstance(error.__cause__, OSError)


def test_the_error_can_be_caught_as_it_was_raised(run: Run) -> None:
    caught = run(
        "import carton_runtime as carton\n"
        "try:\n    get_ipython().run_line_magic('carton_info', 'nothing.carton')\n"
        "except carton.StorageError as error:\n    caught = error\n"
        "caught"
    )
    assert type(caught) is carton.StorageError


def test_without_a_shell_the_whole_traceback_is_given() -> None:
    assert failures.render(carton.StorageError("gone"))[-1] == "carton_runtime.errors.StorageError: gone\n"
