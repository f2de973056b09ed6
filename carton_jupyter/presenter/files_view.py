"""The files of a carton, as plain data."""

from __future__ import annotations

from typing import TypedDict

import carton_runtime as carton
from carton_jupyter.presenter.cache_view import size_text

_IN_CARD = 6
_IN_TABLE = 500  # a notebook stores what it shows


class FileView(TypedDict):
    """One file; `place` is empty for what is in the carton itself."""

    path: str
    size: str
    place: str
    sha256: str


class FilesView(TypedDict):
    """The largest files of a carton; `more` tells of the others."""

    total: str
    rows: list[FileView]
    more: str


def files_view(files: carton.FileTable, most: int = _IN_TABLE) -> FilesView:
    """The files of a carton, at most so many of them."""
    left = files[most:]
    more = f"and {len(left):,} more, {size_text(sum(entry.size or 0 for entry in left))}" if left else ""
    total = f"{_counted(len(files))}, {size_text(files.size)}"
    if linked := sum(entry.is_linked for entry in files):
        total += f", and {linked:,} of them elsewhere"
    return {"total": total, "rows": [_row(entry) for entry in files[:most]], "more": more}


def lazy_files_view(files: carton.LazyFiles) -> FilesView:
    """The files of a carton, fetched if need be."""
    return files_view(files.get_blocking())


def card_files_view(files: carton.LazyFiles | None) -> FilesView | None:
    """What a card says of a carton's files: nothing is fetched for it."""
    if files is None:
        return None
    if not files.is_at_hand:
        return {"total": _counted(files.count), "rows": [], "more": "info.files lists them"}
    return files_view(files.get_blocking(), _IN_CARD)


def _row(entry: carton.FileEntry) -> FileView:
    size = "" if entry.size is None else size_text(entry.size)
    return {
        "path": entry.path, "size": size, "place": "linked" if entry.is_linked else "", "sha256": entry.sha256,
    }  # fmt: skip


def _counted(count: int) -> str:
    return f"{count:,} file{'s' if count != 1 else ''}"
