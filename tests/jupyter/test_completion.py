from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize("magic", ["%carton_restart", "%carton_unload"])
def test_variables_that_hold_models_are_offered(shell: InteractiveShell, loaded: Loader, magic: str) -> None:
    model = loaded.code()
    shell.user_ns.update(moving=model, moved=carton.sync.Carton(model), most=3)
    assert completed(shell, f"{magic} mo") == [f"{magic} moved", f"{magic} moving"]


def test_a_folder_to_pack_is_offered_folders_only(shell: InteractiveShell) -> None:
    assert completed(shell, "%carton_pack ") == ["%carton_pack models/"]


def test_nothing_is_offered_for_the_body_of_a_cell(shell: InteractiveShell) -> None:
    assert not any("carton" in text.splitlines()[-1] for text in completed(shell, "%%carton_pack\nimport dig"))


def test_other_lines_are_left_alone(shell: InteractiveShell) -> None:
    assert "import tempfile" in completed(shell, "import tempfi")
