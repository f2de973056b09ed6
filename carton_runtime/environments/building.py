"""Making one virtual environment in an empty place."""

from __future__ import annotations

import logging
import subprocess
from dataclasses import replace
from pathlib import Path

from packaging.pylock import Pylock

from carton_runtime.environments.home import Home
from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.installing import install
from carton_runtime.environments.locked import Locked, narrow, read_locked
from carton_runtime.environments.plan import with_numpy
from carton_runtime.environments.recipe import Recipe
from carton_runtime.environments.resolving import Resolver
from carton_runtime.environments.targets import Target
from carton_runtime.environments.uv import run_uv
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import OnEvent, step
from carton_runtime.settings import Settings

_LOGGER = logging.getLogger(__name__)


def build_environment(
    home: Home, recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None
) -> None:
    """Create a virtual environment at `home`, install what `recipe` says, and check that it works.

    Raises:
        EnvironmentBuildError: a step failed; `home` may hold half an environment.
    """
    lock = _lock(recipe, interpreter, settings, on_event)
    what = f"Creating an environment of Python {interpreter.version}"
    with step("environment.create", what, on_event=on_event):
        _create(home.path, interpreter)
    with step("environment.install", f"Installing {len(lock.packages)} packages", on_event=on_event) as running:
        install(home.python, lock, settings, running)
    with step("environment.check", "Checking that it imports numpy", on_event=on_event):
        _check(home.python)


def _lock(recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None) -> Pylock:
    locked = read_locked(recipe, interpreter)
    if locked.lock is None:
        return _resolve_anew(recipe, locked, interpreter, settings, on_event)
    if any(package.name == "numpy" for package in locked.lock.packages):
        return locked.lock
    with step("environment.lock", "Adding numpy, which the carton's lock lacks", on_event=on_event) as running:
        numpy = _resolve("numpy\n", recipe, interpreter, Resolver(settings, running=running))
    return replace(locked.lock, packages=[*locked.lock.packages, *numpy.packages])


def _resolve_anew(
    recipe: Recipe, locked: Locked, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None
) -> Pylock:
    if recipe.requirements is not None:
        _LOGGER.warning(
            "this carton does not pin its packages for Python %s, so its requirements.txt is resolved anew: %s",
            interpreter.version,
            locked.why_not,
        )
    requirements = with_numpy((recipe.requirements or b"").decode(errors="replace"))
    directory = recipe.folder.parent if recipe.requirements is not None else None
    with step("environment.lock", "Resolving the requirements", on_event=on_event) as running:
        return _resolve(requirements, recipe, interpreter, Resolver(settings, directory, running))


def _resolve(requirements: str, recipe: Recipe, interpreter: Interpreter, resolver: Resolver) -> Pylock:
    lock = resolver.for_interpreter(requirements, interpreter)
    return narrow(lock, Target.of(interpreter), recipe.folder.parent)


def _create(home: Path, interpreter: Interpreter) -> None:
    flags = ("--relocatable", "--no-project", "--no-python-downloads", "--python", interpreter.path)
    run_uv("venv", *flags, home, remark=f"no environment can be made of {interpreter.path}")


def _check(python: Path) -> None:
    command = [str(python), "-I", "-c", "import numpy"]
    try:
        subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=True)
    except subprocess.CalledProcessError as error:
        raise EnvironmentBuildError(
            "the new environment does not work", command=command, stderr=error.stderr
        ) from error
    except OSError as error:
        raise EnvironmentBuildError("the new environment does not start", command=command, stderr=str(error)) from error
