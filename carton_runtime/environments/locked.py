"""What a carton's ``.carton/`` folder says to install."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from packaging.pylock import Pylock, PylockSelectError

from carton_runtime.environments.carton_lock import read_carton_lock, wheel_paths
from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.resolving import parse_pylock
from carton_runtime.environments.targets import Target
from carton_runtime.errors import EnvironmentBuildError, FormatError

_FILES = (".carton/pylock.toml", ".carton/carton.lock", "requirements.txt")


@dataclass(frozen=True)
class Recipe:
    """Everything in a model's directory that decides which packages it gets; a file that is not there is `None`.

    Attributes:
        folder: the ``.carton/`` folder; paths in locks are relative to it.
        pylock: our lock.
        carton_lock: the original's lock.
        requirements: ``requirements.txt``.
    """

    folder: Path
    pylock: bytes | None = None
    carton_lock: bytes | None = None
    requirements: bytes | None = None

    @classmethod
    def read(cls, model_dir: Path) -> Recipe:
        """Read the recipe of the model in `model_dir`."""
        return cls(model_dir / ".carton", *(_content(model_dir / name) for name in _FILES))

    @property
    def key(self) -> bytes:
        """Equal for two recipes that make the same environment."""
        files = (self.pylock, self.carton_lock, self.requirements)
        return b"".join(hashlib.sha256(content).digest() if content is not None else b"-" for content in files)


@dataclass(frozen=True)
class Locked:
    """What was found.

    Attributes:
        lock: what to install; paths in it are relative to ``.carton/``. `None` when nothing there can be used.
        why_not: why each lock that is there cannot be used.
    """

    lock: Pylock | None
    why_not: str = ""


def read_locked(recipe: Recipe, interpreter: Interpreter) -> Locked:
    """The lock for `interpreter` among those in `recipe`: ours first, then the original's."""
    reasons = []
    for read in (_from_pylock, _from_carton_lock):
        try:
            return Locked(read(recipe, interpreter))
        except (EnvironmentBuildError, FormatError) as error:
            reasons.append(str(error))
    return Locked(None, "; ".join(reasons))


def _from_pylock(recipe: Recipe, interpreter: Interpreter) -> Pylock:
    if recipe.pylock is None:
        raise EnvironmentBuildError("there is no .carton/pylock.toml")
    lock = parse_pylock(recipe.pylock.decode(errors="replace"), ".carton/pylock.toml")
    try:
        chosen = list(Target.of(interpreter).select(lock))
    except PylockSelectError as error:
        raise EnvironmentBuildError(f".carton/pylock.toml does not serve Python {interpreter.version}: {error}") from error
    needed = [recipe.folder / source.path for _, source in chosen if getattr(source, "path", None)]
    _check_wheels(needed, ".carton/pylock.toml")
    return lock


def _from_carton_lock(recipe: Recipe, interpreter: Interpreter) -> Pylock:
    if recipe.carton_lock is None:
        raise EnvironmentBuildError("there is no .carton/carton.lock")
    lock = read_carton_lock(recipe.carton_lock, Target.of(interpreter).environment, ".carton/carton.lock")
    if lock is None:
        raise EnvironmentBuildError(f".carton/carton.lock has no entry for Python {interpreter.minor} on this platform")
    _check_wheels(wheel_paths(lock, recipe.folder), ".carton/carton.lock")
    return lock


def _check_wheels(wheels: list[Path], where: str) -> None:
    missing = [wheel.name for wheel in wheels if not wheel.is_file()]
    if missing:
        raise EnvironmentBuildError(f"{where} lists bundled wheels that are missing: {', '.join(missing)}")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
