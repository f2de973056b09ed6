"""Asking uv which packages satisfy a list of requirements."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w
from packaging.pylock import Pylock, PylockValidationError

from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.uv import index_flags, run_uv
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import Step
from carton_runtime.settings import Settings

_FLAGS = ("--format", "pylock.toml", "--preview-features", "pylock", "--no-header", "--no-python-downloads")


@dataclass(frozen=True)
class Resolver:
    """How requirements are resolved.

    Attributes:
        settings: where packages come from.
        directory: where relative paths in requirements start; the working directory when `None`.
        running: the step that is told of what uv says.
    """

    settings: Settings
    directory: Path | None = None
    running: Step | None = None

    def for_interpreter(self, requirements: str, interpreter: Interpreter) -> Pylock:
        """The packages for one interpreter on this machine; nothing is built.

        Raises:
            EnvironmentBuildError: there is no solution made of wheels only.
        """
        return self._resolve(requirements, {}, "--python", interpreter.path, "--no-build")

    def for_environments(self, requirements: str, markers: Sequence[str], oldest: str, builder: Interpreter) -> Pylock:
        """The packages for every platform and Python that one of `markers` admits.

        Args:
            requirements: the text of a ``requirements.txt``.
            markers: one PEP 508 marker for each part of the resolution.
            oldest: the oldest Python among them, such as ``3.8``.
            builder: runs the build of packages that come as source only, to learn what they depend on.

        Raises:
            EnvironmentBuildError: there is no solution.
        """
        flags = ("--universal", "--python-version", oldest, "--python", builder.path)
        return self._resolve(requirements, {"environments": list(markers)}, *flags)

    def _resolve(self, requirements: str, configuration: dict[str, object], *flags: str | Path) -> Pylock:
        """Resolve under a project of our own: there uv reads `configuration`, and another around us must not count."""
        with tempfile.TemporaryDirectory(prefix="carton-resolve-") as folder:
            text = tomli_w.dumps({"tool": {"uv": configuration}})
            Path(folder, "pyproject.toml").write_text(text, encoding="utf-8")
            printed = run_uv(
                *("pip", "compile", "-", "--project", folder, *_FLAGS, *flags, *index_flags(self.settings)),
                step=self.running,
                directory=self.directory,
                stdin=requirements,
                remark="the requirements cannot be resolved",
            )
        return parse_pylock(printed, "what uv resolved")


def parse_pylock(text: str, where: str) -> Pylock:
    """Read a PEP 751 lock.

    Raises:
        EnvironmentBuildError: it is not one.
    """
    try:
        return Pylock.from_dict(tomllib.loads(text))
    except (ValueError, PylockValidationError) as error:
        raise EnvironmentBuildError(f"{where} is not a lock file (PEP 751): {error}") from error


def write_pylock(lock: Pylock) -> bytes:
    """The lock as the bytes of a ``pylock.toml``."""
    return tomli_w.dumps(lock.to_dict()).encode()
