"""Building an environment aside, and publishing it with one rename: one builder at a time, across processes."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carton_runtime.environments.building import build_environment
from carton_runtime.environments.home import Home
from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.recipe import Recipe
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import OnEvent, step
from carton_runtime.settings import Settings
from carton_runtime.storage.locks import FILE, lock_blocking, try_lock

_LOGGER = logging.getLogger(__name__)


def build_once(
    home: Home, recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None
) -> bool:
    """Build the environment unless another process does so meanwhile; whether this call built it.

    Raises:
        EnvironmentBuildError: it cannot be built; nothing of it is left behind.
    """
    try:
        home.path.parent.mkdir(parents=True, exist_ok=True)
        with _turn(home.path, on_event):
            if home.is_healthy():  # built while this process waited for its turn
                return False
            _build(home, recipe, interpreter, settings, on_event)
            return True
    except OSError as error:
        raise EnvironmentBuildError(f"the environment {home.path} cannot be written: {error}") from error


@contextmanager
def _turn(folder: Path, on_event: OnEvent | None) -> Iterator[None]:
    """Hold the lock on one environment, saying so when that means waiting for another process."""
    path = folder.parent / f".{folder.name}.lock"
    turn = try_lock(path, flags=FILE)
    if turn is None:
        with step("environment.wait", "Another process is building this environment", on_event=on_event):
            turn = lock_blocking(path, flags=FILE)
    with turn:
        yield


def _build(home: Home, recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None) -> None:
    # Named after the digest, so that whoever has the turn may clear what a killed builder left
    aside = Home(home.path.parent / f".building-{home.path.name}")
    _remove(aside.path)
    try:
        build_environment(aside, recipe, interpreter, settings, on_event)
        aside.stamp(interpreter)
        _replace(home.path, aside.path)
    finally:
        _remove(aside.path)


def _replace(home: Path, aside: Path) -> None:
    discarded = home.parent / f".discarded-{home.name}"
    _remove(discarded)
    if home.exists():
        _LOGGER.warning("the environment %s is broken and is replaced", home)
        home.rename(discarded)
    aside.rename(home)
    _remove(discarded)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
