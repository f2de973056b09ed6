"""The files in a model's directory that decide which packages it gets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

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


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
