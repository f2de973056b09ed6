"""Paths as completions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from IPython.core.completer import SimpleCompletion


def paths(word: str, endings: tuple[str, ...]) -> Iterable[SimpleCompletion]:
    """Folders, and files with one of the endings; quoted where the shell's rules ask for it."""
    quote = word[:1] if word[:1] in ("'", '"') else ""
    typed = word.removeprefix(quote)
    head, slash, start = typed.rpartition("/")
    folder = Path(head + slash).expanduser()
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # nothing to offer in a folder that is not there or not ours to read
        return
    for entry in entries:
        is_folder = entry.is_dir()
        hidden = entry.name.startswith(".") and not start.startswith(".")
        if entry.name.startswith(start) and not hidden and (is_folder or entry.name.endswith(endings or ("\0",))):
            yield _path(f"{head}{slash}{entry.name}", is_folder, quote)


def _path(text: str, is_folder: bool, quote: str) -> SimpleCompletion:
    quote = quote or ("'" if re.search(r"[\s#;'\"]", text) else "")
    # A folder's quote stays open: what is in it comes next.
    return SimpleCompletion(f"{quote}{text}/" if is_folder else f"{quote}{text}{quote}", type="path")
