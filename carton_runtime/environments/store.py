"""Environments on disk: each built once, by whoever comes first, and found by its digest ever after."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass
from pathlib import Path

from carton_runtime.environments.home import Home
from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.plan import environment_digest
from carton_runtime.environments.recipe import Recipe
from carton_runtime.events import OnEvent
from carton_runtime.settings import Settings


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
    digest = environment_digest(recipe.key, interpreter, sysconfig.get_platform())
    home = Home(settings.runner_data_dir / "python" / "environments" / digest)
    was_built = not home.is_healthy() and _build(home, recipe, interpreter, settings, on_event)
    return BuiltEnvironment(home.python, digest, was_built)


def _build(home: Home, recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None) -> bool:
    from carton_runtime.environments.publishing import build_once

    return build_once(home, recipe, interpreter, settings, on_event)
