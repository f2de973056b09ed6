"""The files of a model's directory, as they go into a carton."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from carton_runtime.errors import StorageError
from carton_runtime.format.paths import check_distinct, safe_path

LEFT_OUT = frozenset({"__pycache__", ".ipynb_checkpoints", ".git", ".carton", ".DS_Store"})
"""What tools leave beside code: never part of a model. ``.carton`` is written anew by packing."""


@dataclass(frozen=True)
class ModelFile:
    """One file of a model.

    Attributes:
        path: its path below ``model/``.
        source: the file on this machine.
        link: what it is a symlink to, relative to its own folder; `None` for a file.
    """

    path: str
    source: Path
    link: str | None = None


def collect(root: Path) -> list[ModelFile]:
    """The files of a directory, sorted; or the one file that `root` is.

    Symlinks that stay inside the directory are kept, those that lead out of it become what they lead to, and links to
    folders become folders.

    Raises:
        StorageError: there is nothing there, a link leads nowhere or round in a circle, or a folder cannot be read.
        FormatError: a name is one that no carton can hold, or two are one file on some systems.
    """
    if not root.exists():
        raise StorageError(f"the model {root} does not exist")
    if root.is_file():
        return [ModelFile(root.name, root)]
    resolved = root.resolve()
    files = [_model_file(path, file, resolved) for path, file in _walk(root, "", (resolved,))]
    check_distinct((file.path for file in files), where="model")
    return sorted(files, key=lambda file: file.path.encode())


def _walk(folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    for entry in _listed(folder):
        if entry.name in LEFT_OUT:
            continue
        path, file = prefix + entry.name, Path(entry.path)
        if not _is_folder(entry):
            yield safe_path(path, where="model"), file
        elif file.resolve() in above:
            raise StorageError(f"the link {file} leads back to a folder that it lies in")
        else:
            yield from _walk(file, f"{path}/", (*above, file.resolve()))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:  # a link to itself, on whatever way
        raise StorageError(f"the link {entry.path} leads nowhere: {error.strerror}") from error


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise StorageError(f"the folder {folder} cannot be read: {error.strerror}") from error


def _model_file(path: str, file: Path, root: Path) -> ModelFile:
    if not file.is_symlink():
        if not file.is_file():  # reading a pipe, for one, would never end
            raise StorageError(f"{file} is neither a file nor a folder, and cannot be packed")
        return ModelFile(path, file)
    target = file.resolve()
    if not target.is_file():
        raise StorageError(f"the link {file} leads to {file.readlink()}, which is no file")
    # A link inside a linked folder may lead to a file that was copied, and not to where the copy is: that one is copied
    # too.
    lies_there = file.parent.resolve() == root / Path(path).parent
    if target.is_relative_to(root) and lies_there and not LEFT_OUT & set(target.relative_to(root).parts):
        return ModelFile(path, target, os.path.relpath(target, file.parent.resolve()))
    return ModelFile(path, target)
