"""Where Python interpreters are looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAMES = ("python3", *(f"python3.{minor}" for minor in range(8, 21)))


def candidate_paths(named: tuple[str, ...], environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Files that may be Pythons, links followed, each once: those `named`, pyenv's, uv's, and those on ``PATH``."""
    found: dict[Path, None] = {}
    for path in _all(named, environ):
        try:
            found.setdefault(path.resolve(strict=True))
        except (OSError, RuntimeError):  # not there, or a loop of links
            continue
    return tuple(found)


def _all(named: tuple[str, ...], environ: Mapping[str, str]) -> Iterator[Path]:
    yield from (Path(text).expanduser() for text in named)
    yield from _pyenv_root(environ).glob("versions/*/bin/python")
    yield from _uv_directory(environ).glob("*/bin/python3")
    for folder in _path_folders(environ):
        yield from (folder / name for name in _NAMES)


def _pyenv_root(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()


def _uv_directory(environ: Mapping[str, str]) -> Path:
    if own := environ.get("UV_PYTHON_INSTALL_DIR"):
        return Path(own)
    return Path(environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "uv" / "python"


def _path_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    for text in environ.get("PATH", "").split(os.pathsep):
        folder = Path(text)
        if folder.is_absolute() and folder.name != "shims":  # a shim runs whatever its manager has selected, or fails
            yield folder
