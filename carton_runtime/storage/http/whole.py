"""A file that had to be taken whole, because its server gives no ranges."""

from __future__ import annotations

import asyncio
import os
import tempfile
import weakref
from collections.abc import AsyncIterator
from typing import IO

from carton_runtime.errors import StorageError

LARGEST = 64 << 20
"""Bytes that are kept of a server that gives no ranges; a larger file can be streamed, and nothing else."""


class WholeFile:
    """Bytes in a temporary file without a name: it goes with this process, however that ends."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as this object
        self._size = 0
        self.close = weakref.finalize(self, self._file.close)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    async def fill(self, pieces: AsyncIterator[bytes], what: str) -> None:
        """Take all of `pieces`, in place of what was here.

        Raises:
            StorageError: they are more than `LARGEST`, or the disk does not take them.
        """
        self._size = 0
        try:
            self._file.seek(0)
            self._file.truncate()
            async for piece in pieces:
                self._size += len(piece)
                check_size(self._size, what)
                await asyncio.to_thread(self._file.write, piece)
            self._file.flush()
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{what} cannot be kept in {tempfile.gettempdir()}: {error.strerror}") from error

    def read(self, start: int, length: int) -> bytes:
        """The bytes of a range, which must be there. From any thread."""
        return os.pread(self._file.fileno(), length, start)


def is_too_large(size: int | None) -> bool:
    """Whether a file of that size is not kept."""
    return size is not None and size > LARGEST


def check_size(size: int | None, what: str) -> None:
    """Refuse to keep what is too large.

    Raises:
        StorageError: it is; the message says what to do.
    """
    if is_too_large(size):
        raise StorageError(
            f"{what} has more than {LARGEST >> 20} MiB, and its server gives no ranges of it; "
            "download the carton and give its path"
        )
