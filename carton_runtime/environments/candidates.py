"""Where Python interpreters are looked for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_LOGGER = logging.getLogger(__name__)

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
    yield from map(_expanded, named)
    yield from (version / "bin" / "python" for version in _entries(_pyenv_root(environ) / "versions"))
    yield from (version / "bin" / "python3" for version in _entries(_uv_directory(environ)))
    for folder in _path_folders(environ):
        yield from (folder / name for name in _NAMES)


def _pyenv_root(environ: Mapping[str, str]) -> Path:
    return _expanded(environ.get("PYENV_ROOT") or "~/.pyenv")


def _uv_directory(environ: Mapping[str, str]) -> Path:
    if own := environ.get("UV_PYTHON_INSTALL_DIR"):
        return Path(own)
    return _expanded(environ.get("XDG_DATA_HOME") or "~/.local/share") / "uv" / "python"


def _expanded(text: str) -> Path:
    # Path.expanduser raises for a user that there is not; as it is written the path is merely not there.
    return Path(os.path.expanduser(text))  # noqa: PTH111


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        _LOGGER.info("no Python is looked for in %s: %s", folder, error)
        return []


def _path_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    for text in environ.get("PATH", "").split(os.pathsep):
        folder = Path(text)
        if folder.is_absolute() and folder.name != "shims":  # a shim runs whatever its manager has selected, or fails
            yield folder
