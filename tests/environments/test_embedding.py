"""Locks whose wheels come to lie beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from environments.conftest import Shelf

from carton_runtime.environments.embedding import embed
from carton_runtime.environments.interpreters import Interpreter
from carton_runtime.environments.lock import lock_requirements
from carton_runtime.environments.locked import read_locked
from carton_runtime.environments.recipe import Recipe
from carton_runtime.environments.store import ensure_environment
from carton_runtime.environments.targets import Target
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.settings import Settings

Locked = Callable[[str], Recipe]

EMPTY = b'lock-version = "1.0"\ncreated-by = "a test"\npackages = []\n'


@pytest.fixture
def locked(web: Callable[[], Settings], python: Interpreter, tmp_path: Path) -> Locked:
    """Locks requirements for the Python that runs the tests, whose wheels are on the web."""

    def lock(requirements: str) -> Recipe:
        found = lock_requirements(requirements, [python.minor], web(), directory=tmp_path)
        return Recipe(tmp_path / ".carton", found.pylock, found.carton_lock, requirements.encode())

    return lock


def write(recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in {"pylock.toml": recipe.pylock, "carton.lock": recipe.carton_lock}.items():
        if content is not None:
            (folder / name).write_bytes(content)


@pytest.mark.parametrize("left_out", ["pylock", "carton_lock", ""])
def test_an_environment_is_built_of_what_lies_beside_the_lock(
    locked: Locked, shelf: Shelf, python: Interpreter, settings: Settings, tmp_path: Path, left_out: str
) -> None:
    shelf.wheel("tool", code="origin = 'beside'")
    recipe = locked("tool\n")
    embedded = embed(replace(recipe, **{left_out: None}) if left_out else recipe, [Target.of(python)])
    assert sorted(Path(wheel.path).name for wheel in embedded.wheels) == [
        "numpy-9.0-py3-none-any.whl",
        "tool-1.0-py3-none-any.whl",
    ]
    model = tmp_path / "model"
    write(embedded.recipe, model / ".carton")
    for wheel in embedded.wheels:
        place = model / ".carton" / wheel.path
        place.parent.mkdir(parents=True)
        place.write_bytes((shelf.folder / place.name).read_bytes())
    nowhere = replace(settings, find_links=(), index_url="http://127.0.0.1:9/simple", offline=True)
    assert ensure_environment(model, python, nowhere).was_built


def test_what_is_for_other_machines_stays_on_the_web(locked: Locked, shelf: Shelf, python: Interpreter) -> None:
    shelf.wheel("tool", tag="py3-none-any")
    shelf.wheel("tool", tag="cp311-cp311-win_amd64")
    embedded = embed(locked("tool\n"), [Target.of(python)])
    assert "tool-1.0-cp311-cp311-win_amd64.whl" not in {Path(wheel.path).name for wheel in embedded.wheels}
    assert embedded.recipe.pylock is not None
    assert "win_amd64.whl" in embedded.recipe.pylock.decode()
    assert embedded.recipe.pylock.decode().count("url = ") == 1


def test_what_lies_beside_the_lock_already_is_not_fetched(locked: Locked, python: Interpreter) -> None:
    embedded = embed(locked(""), [Target.of(python)])
    again = embed(embedded.recipe, [Target.of(python)])
    assert again.wheels == []
    assert again.recipe == embedded.recipe


def test_pythons_that_the_lock_does_not_serve_are_left_out(locked: Locked, python: Interpreter) -> None:
    embedded = embed(locked(""), [Target("3.7", "3.7.0"), Target.of(python)])
    assert len(embedded.wheels) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda recipe: Recipe(recipe.folder), "there is no .carton/pylock.toml; there is no .carton/carton.lock"),
        (lambda recipe: Recipe(recipe.folder, EMPTY), "the lock lacks numpy"),
        (lambda recipe: _edited(recipe, "http://", "file://"), "in a place that is no web server"),
    ],
)
def test_a_lock_that_cannot_be_used_is_an_error(
    locked: Locked, python: Interpreter, change: Callable[[Recipe], Recipe], words: str
) -> None:
    recipe = change(locked(""))
    with pytest.raises(EnvironmentBuildError, match=words):
        embed(recipe, [Target.of(python)])


def _edited(recipe: Recipe, old: str, new: str) -> Recipe:
    assert recipe.pylock is not None
    return replace(recipe, pylock=recipe.pylock.decode().replace(old, new).encode(), carton_lock=None)


def test_what_is_read_at_loading_is_what_was_embedded(locked: Locked, python: Interpreter, tmp_path: Path) -> None:
    embedded = embed(locked(""), [Target.of(python)])
    write(embedded.recipe, tmp_path / "model" / ".carton")
    found = read_locked(Recipe.read(tmp_path / "model"), python)
    assert found.lock is None
    assert "the bundled wheel numpy-9.0-py3-none-any.whl is missing" in found.why_not
