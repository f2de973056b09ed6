from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fix_models import Loader
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something to complete, to be in."""
    tmp_path /= "here"
    tmp_path.mkdir()
    for name in ("digits.carton", "my model.carton", "notes.txt", ".hidden.carton"):
        (tmp_path / name).touch()
    (tmp_path / "models" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(shell: InteractiveShell, text: str) -> list[str]:
    """The text after each completion that a front end would offer."""
    with provisionalcompleter():
        found = shell.Completer.completions(text, len(text))
        return sorted(text[: item.start] + item.text + text[item.end :] for item in found)


@pytest.mark.parametrize("start", ["%carton_load ", "m = %carton_load ", "x.m = %carton_load ", "%carton_info "])
def test_cartons_and_folders_are_offered_for_an_empty_word(shell: InteractiveShell, start: str) -> None:
    expected = ["'my model.carton'", "digits.carton", "models/"]
    assert [text.removeprefix(start) for text in completed(shell, start)][:2] == expected[:2]
    assert start + "models/" in completed(shell, start)
    assert not any("notes" in text or "hidden" in text for text in completed(shell, start))


def test_a_path_is_completed_below_its_folder(shell: InteractiveShell) -> None:
    assert completed(shell, "%carton_load models/d") == ["%carton_load models/deep/"]


def test_an_open_quote_is_kept(shell: InteractiveShell) -> None:
    assert completed(shell, '%carton_load "my m') == ['%carton_load "my model.carton"']


def test_options_are_offered_after_a_dash(shell: InteractiveShell) -> None:
    assert completed(shell, "m = %carton_load x.carton --dev") == ["m = %carton_load x.carton --device"]
    assert "%carton_pack --self-tests" in completed(shell, "%carton_pack --")


def test_devices_are_offered_for_their_option(shell: InteractiveShell) -> None:
    assert completed(shell, "%carton_load x.carton --device c") == ["%carton_load x.carton --device cpu"]


def test_variables_of_the_right_kind_are_offered(shell: InteractiveShell) -> None:
    shell.user_ns.update(picture_spec=carton.TensorSpec("x", "int8", []), picture_count=3)
    assert completed(shell, "%%carton_pack --inputs pic") == ["%%carton_pack --inputs picture_spec"]


@pytest.mark.parametrize("magic", ["%carton_run", "out = %carton_run", "%carton_restart", "%carton_unload"])
def test_variables_that_hold_models_are_offered(shell: InteractiveShell, loaded: Loader, magic: str) -> None:
    model = loaded.code()
    shell.user_ns.update(moving=model, moved=carton.sync.Carton(model), most=3)
    assert completed(shell, f"{magic} mo") == [f"{magic} moved", f"{magic} moving"]


def test_a_folder_to_pack_is_offered_folders_only(shell: InteractiveShell) -> None:
    assert completed(shell, "%carton_pack ") == ["%carton_pack models/"]


def test_a_model_or_a_carton_can_be_tested(shell: InteractiveShell, loaded: Loader) -> None:
    shell.user_ns["digits"] = loaded.code()
    assert completed(shell, "%carton_test d") == ["%carton_test digits", "%carton_test digits.carton"]


@pytest.fixture
def adder(shell: InteractiveShell, loaded: Loader) -> carton.Carton:
    """The variable ``m``, a model with two inputs and two examples."""
    shell.user_ns["m"] = model = loaded.code(
        inputs=[carton.TensorSpec("left", "int8", []), carton.TensorSpec("right", "int8", [])],
        outputs=[carton.TensorSpec("sum", "int8", [])],
        examples=[carton.Example({"left": np.int8(1)}, {}, "one word"), carton.Example({"left": np.int8(2)}, {})],
    )
    return model


@pytest.mark.usefixtures("adder")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ["--example", "--help", "--stream", "--timeout", "--to", "left=", "right="]),
        ("l", ["left="]),
        ("left=1 ", ["--example", "--help", "--stream", "--timeout", "--to", "right="]),
        ("left=1 + 2 r", ["right="]),
        ("left=1 --ex", ["--example"]),
        ("--example ", ["'example 2'", "'one word'"]),
        ("left=1 --example one", ["'one word'"]),
        ("--example 'o", ["'one word'"]),
    ],
)
def test_what_a_model_takes_is_offered(shell: InteractiveShell, line: str, words: list[str]) -> None:
    before = f"%carton_run m {line}"
    before = before[: before.rindex(" ") + 1]
    assert [text.removeprefix(before) for text in completed(shell, f"%carton_run m {line}")] == words


@pytest.mark.usefixtures("adder")
@pytest.mark.parametrize("line", ["left=pictu", "left=[1, pictu", "left=1 right=2 * pictu", "**pictu"])
def test_the_names_of_the_notebook_are_offered_in_expressions(shell: InteractiveShell, line: str) -> None:
    shell.user_ns["picture"] = np.ones(3)
    assert completed(shell, f"%carton_run m {line}") == [f"%carton_run m {line}re"]
    assert f"%carton_run m {line}re.shape" in completed(shell, f"%carton_run m {line}re.sha")


@pytest.mark.usefixtures("adder")
def test_an_empty_expression_is_offered_variables(shell: InteractiveShell) -> None:
    offered = completed(shell, "%carton_run m left=")
    assert "%carton_run m left=m" in offered
    assert not any("%%" in text or "_" in text.rpartition("=")[2][:1] for text in offered)


@pytest.mark.parametrize(
    ("line", "option"),
    [("%carton_load x.carton ", "--device"), ("%carton_cache ", "--prune"), ("%carton_kernels ", "--help")],
)
def test_options_are_offered_where_nothing_else_can_come(shell: InteractiveShell, line: str, option: str) -> None:
    offered = completed(shell, line)
    assert line + option in offered
    assert all(text.removeprefix(line).startswith("--") for text in offered)


def test_nothing_is_offered_for_the_body_of_a_cell(shell: InteractiveShell) -> None:
    assert not any("carton" in text.splitlines()[-1] for text in completed(shell, "%%carton_pack\nimport dig"))


def test_other_lines_are_left_alone(shell: InteractiveShell) -> None:
    assert "import tempfile" in completed(shell, "import tempfi")
