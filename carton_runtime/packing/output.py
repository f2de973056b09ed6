"""A carton on its way to the disk: written aside by a thread, and put in its place when it is whole."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from carton_runtime.errors import CartonError, StorageError
from carton_runtime.format.archive import ArchiveWriter


class Output:
    """The carton that is written.

    Args:
        path: where it goes, replacing what is there; a new temporary file unless given.

    Attributes:
        stop: set when the caller gave up; who writes should look at it now and then.
    """

    def __init__(self, path: Path | None) -> None:
        self.stop = threading.Event()
        self._path = path

    async def written(self, write: Callable[[ArchiveWriter], None]) -> Path:
        """Have a thread write the carton; its path. Nothing is left when that fails, or is cancelled.

        Raises:
            StorageError: it cannot be written.
        """
        writing = asyncio.create_task(asyncio.to_thread(self._written, write), name="carton-pack")
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            # The thread must have removed its file before the caller goes on.
            self.stop.set()
            await asyncio.wait({writing})
            if writing.exception() is None and self._path is None:
                writing.result().unlink()  # it was done already, and nobody will learn the name of the file
            raise

    def _written(self, write: Callable[[ArchiveWriter], None]) -> Path:
        opened, temporary = _temporary_file(self._path)
        try:
            with opened, ArchiveWriter(opened) as archive:
                write(archive)
            if self._path is None:
                return temporary
            temporary.replace(self._path)
        except BaseException as error:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            if isinstance(error, OSError) and not isinstance(error, CartonError):
                raise StorageError(f"the carton {self._path or temporary} cannot be written: {error}") from error
            raise
        return self._path


def _temporary_file(output: Path | None) -> tuple[BinaryIO, Path]:
    """A new file to write a carton to: beside `output`, to be renamed, or in the system's folder for such.

    Raises:
        StorageError: it cannot be made there.
    """
    folder = Path(tempfile.gettempdir()) if output is None else output.parent
    path = folder / f"carton-{uuid.uuid4().hex}.carton"
    try:
        # As readable as any file that this user makes, which `mkstemp` would not let it be.
        return path.open("xb"), path
    except OSError as error:
        raise StorageError(f"no carton can be written to {folder}: {error.strerror}") from error
