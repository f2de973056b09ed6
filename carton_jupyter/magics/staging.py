"""The folder that is packed: the user's own, or a temporary one that leads to its files and has ours beside them.

Nothing is ever written into the user's folder, and nothing large is copied: packing follows links.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from IPython.core.error import UsageError

REQUIREMENTS = "requirements.txt"


@contextmanager
def staged(folder: Path | None, added: Mapping[str, str]) -> Iterator[Path]:
    """A folder with the files of `folder` and those of `added`, by name; `folder` itself when nothing is added.

    Raises:
        UsageError: `folder` is no folder.
    """
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    if folder is not None and not added:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="carton-pack-") as made:
        _fill(Path(made), folder, added)
        yield Path(made)


def _fill(made: Path, folder: Path | None, added: Mapping[str, str]) -> None:
    for entry in () if folder is None else folder.iterdir():
        if entry.name not in added:
            (made / entry.name).symlink_to(entry.absolute())
    for name, text in added.items():
        (made / name).write_text(text, encoding="utf-8")


def entrypoint_file(package: str, folder: Path | None) -> str:
    """The name of the file that a cell becomes.

    Raises:
        UsageError: `package` cannot be one file beside the others, or there is such a file.
    """
    if not package.isidentifier():
        raise UsageError(f"a cell becomes one module, and {package!r} is no name for one (--entrypoint-package)")
    taken = [name for name in (f"{package}.py", package) if folder is not None and (folder / name).exists()]
    if taken:
        raise UsageError(f"{folder} has a {taken[0]} already; give the cell another name with --entrypoint-package")
    return f"{package}.py"


def requirements(folder: Path | None, file: str | None, packages: list[str]) -> str | None:
    """The text of ``requirements.txt``; `None` to leave the folder's own as it is.

    Raises:
        UsageError: `file` cannot be read.
    """
    if file is None and not packages:
        return None
    own = None if folder is None else folder / REQUIREMENTS
    source = Path(file).expanduser() if file else own
    try:
        text = "" if source is None or (source is own and not source.exists()) else source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read: {error}") from error
    return "\n".join([*text.splitlines(), *packages, ""])
