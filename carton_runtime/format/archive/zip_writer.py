"""Writes an archive as a stream: the same files give the same bytes, whenever and wherever they are packed."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO, Self

from carton_runtime.errors import FormatError
from carton_runtime.format.archive.entries import Method
from carton_runtime.format.archive.symlinks import symlink_target
from carton_runtime.format.paths import clash_key, safe_path

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold; a true one would change the archive's bytes
_UNIX = 3
_FILE_MODE = stat.S_IFREG | 0o644
_SYMLINK_MODE = stat.S_IFLNK | 0o777


class ArchiveWriter:
    """Writes a zip archive, entry by entry and in constant memory. `close` completes it.

    As a context manager it closes itself; after an exception what was written is of no use.

    Args:
        file: an open binary file; it may be one that cannot seek. It stays open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
            return
        # Else the ZipFile would try again when it is collected; whatever went wrong is on its way to the caller already
        with suppress(OSError, ValueError):
            self.close()

    def add(self, name: str, chunks: Iterable[bytes | memoryview], *, method: Method, size: int | None = None) -> None:
        """Write a file.

        Args:
            name: its path.
            chunks: its content.
            method: how to compress it.
            size: bytes in its content where that is known, which spares small files the fields of zip64.

        Raises:
            FormatError: the name is unsafe or was used, or the content does not have `size` bytes.
        """
        self._write(name, chunks, method, _FILE_MODE, size)

    def add_symlink(self, name: str, target: str) -> None:
        """Write a symlink.

        Args:
            name: its path.
            target: what it points to, relative to its own folder.

        Raises:
            FormatError: the name is unsafe or was used, or the target lies outside the carton.
        """
        content = _encoded(target, name)
        symlink_target(safe_path(name), content)
        self._write(name, [content], Method.STORED, _SYMLINK_MODE, len(content))

    def close(self) -> None:
        """Write the directory, which completes the archive."""
        self._zip.close()

    def _write(
        self, name: str, chunks: Iterable[bytes | memoryview], method: Method, mode: int, size: int | None
    ) -> None:
        key = clash_key(safe_path(name))
        if key in self._names:
            known = self._names[key]
            clash = "" if known == name else f" as {known!r}, which is one file with it on many systems; rename one"
            raise FormatError(f"is in the archive already{clash}", where=name)
        self._names[key] = name
        written = 0
        with self._zip.open(_info(name, method, mode, size), "w", force_zip64=size is None) as entry:
            for chunk in chunks:
                written += entry.write(chunk)
        if size not in (None, written):
            raise FormatError(f"has {written:,} bytes, and {size:,} were announced", where=name)


def _encoded(target: str, name: str) -> bytes:
    """A symlink's target as bytes; raises `FormatError` when UTF-8 cannot hold it."""
    try:
        return target.encode("utf-8")
    except UnicodeEncodeError:
        raise FormatError(f"is a symlink whose target is not valid UTF-8: {target!r}", where=name) from None


def _info(name: str, method: Method, mode: int, size: int | None) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = method.value  # a new ZipInfo is stored, whatever the ZipFile's own method
    info.create_system = _UNIX
    info.external_attr = mode << 16
    info.file_size = size or 0
    return info
