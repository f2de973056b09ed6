"""Environments on disk: each built once, by whoever comes first, and found by its digest ever after."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from carton_runtime.environments.building import build_environment
from carton_runtime.environments.locked import Recipe
from carton_runtime.environments.plan import environment_digest
from carton_runtime.environments.targets import machine_platform
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import OnEvent, step

if TYPE_CHECKING:
    from carton_runtime.environments.inspection import Interpreter
    from carton_runtime.settings import Settings

_LOGGER = logging.getLogger(__name__)
_STAMP = "carton-environment"


@dataclass(frozen=True)
class BuiltEnvironment:
    """A virtual environment that is ready to run a model.

    Attributes:
        python: its interpreter.
        digest: what it is known by.
        was_built: whether this call built it.
    """

    python: Path
    digest: str
    was_built: bool


def ensure_environment(
    model_dir: Path, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None = None
) -> BuiltEnvironment:
    """The environment of the model in `model_dir` under `interpreter`; built when it is not there yet.

    Its packages are those of ``.carton/pylock.toml``, else those of ``.carton/carton.lock``, else whatever
    ``requirements.txt`` resolves to now. numpy is always among them. Nothing is ever built from source here.

    Raises:
        EnvironmentBuildError: it cannot be built; nothing of it is left behind.
    """
    return _ensure(Recipe.read(model_dir), interpreter, settings, on_event)


def bare_environment(interpreter: Interpreter, settings: Settings, on_event: OnEvent | None = None) -> BuiltEnvironment:
    """An environment with numpy and nothing else, for models that require nothing.

    Raises:
        EnvironmentBuildError: it cannot be built; nothing of it is left behind.
    """
    return _ensure(Recipe(Path()), interpreter, settings, on_event)


def _ensure(recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None) -> BuiltEnvironment:
    digest = environment_digest(recipe.key, interpreter, machine_platform())
    home = settings.runner_data_dir / "python" / "environments" / digest
    was_built = not _is_healthy(home) and _build_once(home, recipe, interpreter, settings, on_event)
    return BuiltEnvironment(_python(home), digest, was_built)


def _build_once(
    home: Path, recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None
) -> bool:
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with _Turn(home, on_event):
            if _is_healthy(home):  # another process built it while this one waited
                return False
            _build(home, recipe, interpreter, settings, on_event)
            return True
    except OSError as error:
        raise EnvironmentBuildError(f"the environment {home} cannot be written: {error}") from error


class _Turn:
    """Holds the lock on one environment, saying so when that means waiting for another process."""

    def __init__(self, home: Path, on_event: OnEvent | None) -> None:
        self._lock = FileLock(home.parent / f".{home.name}.lock")
        self._on_event = on_event

    def __enter__(self) -> None:
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            with step("environment.wait", "Another process is building this environment", on_event=self._on_event):
                self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _build(home: Path, recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None) -> None:
    aside = home.parent / f".building-{home.name}"  # named after the digest: whoever holds the lock may clear it
    _remove(aside)
    try:
        build_environment(aside, recipe, interpreter, settings, on_event)
        (aside / _STAMP).write_text(f"{interpreter.version} {interpreter.path}\n", encoding="utf-8")
        _replace(home, aside)
    finally:
        _remove(aside)


def _replace(home: Path, aside: Path) -> None:
    if home.exists():
        _LOGGER.warning("the environment %s is broken and is replaced", home)
        discarded = home.parent / f".discarded-{home.name}"
        _remove(discarded)
        home.rename(discarded)  # a rename, because a model may still run in it
        aside.rename(home)
        _remove(discarded)
    else:
        aside.rename(home)


def _is_healthy(home: Path) -> bool:
    return os.path.exists(home / _STAMP) and os.path.exists(_python(home))  # noqa: PTH110  (each is one system call)


def _python(home: Path) -> Path:
    return home / "bin" / "python"


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
