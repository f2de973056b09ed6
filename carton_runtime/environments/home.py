"""One environment's place on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from carton_runtime.environments.inspection import Interpreter

_STAMP = "carton-environment"


@dataclass(frozen=True)
class Home:
    """Where an environment lives.

    Attributes:
        path: the folder; its name is the environment's digest.
    """

    path: Path

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.path / "bin" / "python"

    def is_healthy(self) -> bool:
        """Whether it was built to the end and the interpreter that it was made of is still there."""
        return os.path.exists(self.path / _STAMP) and os.path.exists(self.python)  # noqa: PTH110  (one system call each)

    def stamp(self, interpreter: Interpreter) -> None:
        """Note that it was built to the end."""
        text = f"{interpreter.version} {interpreter.path}\n"
        (self.path / _STAMP).write_text(text, encoding="utf-8")
