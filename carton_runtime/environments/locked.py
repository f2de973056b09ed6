"""What a carton's ``.carton/`` folder says to install."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packaging.pylock import Package, PackageArchive, PackageWheel, Pylock, PylockSelectError

from carton_runtime.environments.carton_lock import read_carton_lock
from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.recipe import Recipe
from carton_runtime.environments.resolving import parse_pylock
from carton_runtime.environments.targets import Source, Target
from carton_runtime.environments.wheels import is_wheel
from carton_runtime.errors import EnvironmentBuildError, FormatError
from carton_runtime.format.paths import safe_path
from carton_runtime.format.reading import parse_toml

_PYLOCK = ".carton/pylock.toml"


@dataclass(frozen=True)
class Locked:
    """What was found.

    Attributes:
        lock: what to install, with absolute paths to bundled wheels; `None` when no lock there can be used.
        why_not: why each lock cannot be used.
    """

    lock: Pylock | None
    why_not: str = ""


def read_locked(recipe: Recipe, interpreter: Interpreter) -> Locked:
    """The lock for `interpreter` among those in `recipe`: ours first, then the original's."""
    reasons, target = [], Target.of(interpreter)
    for read in (from_pylock, from_carton_lock):
        try:
            return Locked(narrow(read(recipe, target), target, recipe.folder))
        except (EnvironmentBuildError, FormatError) as error:
            reasons.append(str(error))
    return Locked(None, "; ".join(reasons))


def narrow(lock: Pylock, target: Target, folder: Path) -> Pylock:
    """The part of `lock` that is for `target`: one wheel of each package, by an absolute path or a URL.

    Args:
        lock: the lock of any number of targets.
        target: the one that counts.
        folder: where relative paths in the lock start.

    Raises:
        EnvironmentBuildError: the lock does not cover the target, or a wheel is missing.
    """
    try:
        chosen = list(target.select(lock))
    except PylockSelectError as error:
        raise EnvironmentBuildError(f"the lock does not serve Python {target.full_version}: {error}") from error
    packages = [_narrow(package, source, folder.absolute()) for package, source in chosen]
    return Pylock(lock_version=lock.lock_version, created_by=lock.created_by, packages=packages)


def _narrow(package: Package, source: Source, folder: Path) -> Package:
    if not isinstance(source, PackageWheel | PackageArchive) or not is_wheel(source):
        raise EnvironmentBuildError(f"the lock has no wheel of {package.name} {package.version} for this Python")
    wheel = PackageWheel(url=source.url, path=source.path, hashes=source.hashes)
    if source.path:
        file = folder / source.path
        wheel = PackageWheel(path=str(file), hashes=source.hashes)
        if not file.is_file():
            raise EnvironmentBuildError(f"the bundled wheel {file.name} is missing")
    return Package(name=package.name, version=package.version, wheels=[wheel])


def from_pylock(recipe: Recipe, _target: Target) -> Pylock:
    """Our lock, for every target. Raises `EnvironmentBuildError` or `FormatError` when there is none of use."""
    if recipe.pylock is None:
        raise EnvironmentBuildError(f"there is no {_PYLOCK}")
    parse_toml(recipe.pylock, _PYLOCK)  # for its limits: a lock can be nested without end as well
    lock = parse_pylock(recipe.pylock.decode(), _PYLOCK)
    for package in lock.packages:
        sources: list[PackageWheel | PackageArchive] = [*(package.wheels or ())]
        sources += [package.archive] if package.archive else []
        for path in filter(None, (source.path for source in sources)):
            safe_path(path, where=_PYLOCK)
    return lock


def from_carton_lock(recipe: Recipe, target: Target) -> Pylock:
    """What the original's lock says for a target. Raises as `from_pylock` does."""
    if recipe.carton_lock is None:
        raise EnvironmentBuildError("there is no .carton/carton.lock")
    lock = read_carton_lock(recipe.carton_lock, target.markers, ".carton/carton.lock")
    if lock is None:
        raise EnvironmentBuildError(f".carton/carton.lock has no entry for Python {target.minor} on this platform")
    return lock
