"""What files a carton has, and how large they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True)
class FileEntry:
    """One file of a carton.

    Attributes:
        path: where it is in the carton.
        size: bytes in it; `None` where the carton does not say, because it only links to it.
        sha256: its hash, in hex.
        is_linked: whether it is not in the carton, which says where it can be fetched.
    """

    path: str
    size: int | None
    sha256: str
    is_linked: bool = False


@dataclass(frozen=True)
class FileTable(Sequence[FileEntry]):
    """The files of a carton: those of unknown size first, and then the largest first.

    Attributes:
        entries: the files that its MANIFEST lists.
        model_hash: the sha256 of the MANIFEST.
    """

    entries: tuple[FileEntry, ...]
    model_hash: str

    @property
    def size(self) -> int:
        """Bytes in all files whose size is known."""
        return sum(entry.size or 0 for entry in self.entries)

    @overload
    def __getitem__(self, index: int) -> FileEntry: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[FileEntry, ...]: ...

    def __getitem__(self, index: int | slice) -> FileEntry | tuple[FileEntry, ...]:
        return self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)


def by_size(entry: FileEntry) -> tuple[bool, int, str]:
    """The place of a file in a `FileTable`."""
    return entry.size is not None, -(entry.size or 0), entry.path
