"""Making one virtual environment in an empty place."""

from __future__ import annotations

import logging
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from packaging.pylock import Package, PackageWheel, Pylock

from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.locked import Locked, Recipe, read_locked
from carton_runtime.environments.plan import with_numpy
from carton_runtime.environments.resolving import Resolver, write_pylock
from carton_runtime.environments.uv import index_flags, offline_flag, run_uv
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import OnEvent, Step, step
from carton_runtime.settings import Settings

_LOGGER = logging.getLogger(__name__)


def build_environment(
    home: Path, recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None
) -> None:
    """Create a virtual environment at `home`, install what `recipe` says, and check that it works.

    Raises:
        EnvironmentBuildError: a step failed; `home` may hold half an environment.
    """
    lock = _lock(recipe, interpreter, settings, on_event)
    with step("environment.create", f"Creating an environment of Python {interpreter.version}", on_event=on_event) as running:
        _create(home, interpreter, running)
    with step("environment.install", f"Installing {len(lock.packages)} packages", on_event=on_event) as running:
        _install(home, lock, settings, running)
    with step("environment.check", "Checking that it imports numpy", on_event=on_event):
        _check(home / "bin" / "python")


def _lock(recipe: Recipe, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None) -> Pylock:
    locked = read_locked(recipe, interpreter)
    if locked.lock is None:
        return _resolve_anew(recipe, locked, interpreter, settings, on_event)
    lock = _absolute(locked.lock, recipe.folder)
    if any(package.name == "numpy" for package in lock.packages):
        return lock
    with step("environment.lock", "Adding numpy, which the carton's lock lacks", on_event=on_event) as running:
        numpy = Resolver(settings, running=running).for_interpreter("numpy\n", interpreter)
    return replace(lock, packages=[*lock.packages, *numpy.packages])


def _resolve_anew(
    recipe: Recipe, locked: Locked, interpreter: Interpreter, settings: Settings, on_event: OnEvent | None
) -> Pylock:
    requirements = (recipe.requirements or b"").decode(errors="replace")
    if recipe.requirements is not None:
        _LOGGER.warning(
            "the versions of this carton's packages are not pinned for Python %s, so requirements.txt is resolved anew: %s",
            interpreter.version,
            locked.why_not,
        )
    with step("environment.lock", "Resolving the requirements", on_event=on_event) as running:
        resolver = Resolver(settings, recipe.folder.parent, running)
        return resolver.for_interpreter(with_numpy(requirements), interpreter)


def _create(home: Path, interpreter: Interpreter, running: Step) -> None:
    run_uv(
        *("venv", "--relocatable", "--no-project", "--no-python-downloads", "--python", interpreter.path, home),
        step=running,
        remark=f"no environment can be made of {interpreter.path}",
    )


def _install(home: Path, lock: Pylock, settings: Settings, running: Step) -> None:
    with tempfile.TemporaryDirectory(prefix="carton-install-") as folder:
        file = Path(folder, "pylock.toml")
        file.write_bytes(write_pylock(lock))
        command = ["pip", "sync", "--python", home / "bin" / "python", "--no-build", "--require-hashes"]
        command += ["--no-python-downloads", "--preview-features", "pylock", "--allow-empty-requirements", file]
        remark = "the packages cannot be installed"
        try:  # from uv's cache alone: online, uv asks for each wheel again, and downloads it again where it may not cache
            run_uv(*command, "--offline", step=running, remark=remark)
        except EnvironmentBuildError:
            if offline_flag(settings):
                raise
            run_uv(*command, *index_flags(settings), step=running, remark=remark)


def _absolute(lock: Pylock, folder: Path) -> Pylock:
    folder = folder.absolute()
    return replace(lock, packages=[_with_absolute_wheels(package, folder) for package in lock.packages])


def _with_absolute_wheels(package: Package, folder: Path) -> Package:
    wheels = [_with_absolute_path(wheel, folder) for wheel in package.wheels or ()]
    return replace(package, wheels=wheels) if wheels else package


def _with_absolute_path(wheel: PackageWheel, folder: Path) -> PackageWheel:
    return replace(wheel, path=str(folder / wheel.path)) if wheel.path else wheel


def _check(python: Path) -> None:
    command = [str(python), "-I", "-c", "import numpy"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise EnvironmentBuildError("the new environment does not work", command=command, stderr=done.stderr[-4000:])
