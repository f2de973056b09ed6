"""Write the files of a carton: a stream from files to entries, hashed on the way."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from carton_runtime.errors import StorageError
from carton_runtime.events import Step
from carton_runtime.format.archive import ArchiveWriter, Method
from carton_runtime.format.manifest import LINKS, MANIFEST, Links
from carton_runtime.packing.hashing import Digest, Hasher

_CHUNK = 1 << 20
_LARGE = 4 << 20  # from here on files are stored as they are, so that ranges of them can be read and mapped


class PackingStoppedError(Exception):
    """The caller gave up; the thread that writes stops here."""


@dataclass
class EntryWriter:
    """Writes files into an archive.

    Args:
        archive: where to write.
        progress: told of each piece of the model; what describes it is small beside that.
        stop: set when the caller gave up.
        hasher: hashes what is written.

    Attributes:
        hashes: path → sha256 of what was written so far.
    """

    archive: ArchiveWriter
    progress: Step
    stop: threading.Event
    hasher: Hasher
    hashes: dict[str, str] = field(default_factory=dict)

    def add(self, path: str, content: bytes | memoryview | Path) -> None:
        """Write a file that is in memory, or on this machine.

        Raises:
            StorageError: it cannot be read.
            FormatError: its name cannot be in a carton.
        """
        if not isinstance(content, Path):
            self.add_chunks(path, iter([content]), len(content))
            return
        try:
            with content.open("rb") as file:
                self.add_chunks(path, chunks_of(file), os.fstat(file.fileno()).st_size)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{content} cannot be packed: {error.strerror}") from error

    def add_chunks(self, path: str, chunks: Iterator[bytes | memoryview], size: int) -> None:
        """Write a file that comes in chunks, whose first tells how it is best compressed. Raises `FormatError`."""
        head = next(chunks, b"")
        digest = self.hasher.digest()
        content = self._observed(path, chain([head], chunks), digest)
        self.archive.add(path, content, method=_method(size, head[:_CHUNK]), size=size)
        self.hashes[path] = digest.hexdigest()

    def describe(self, manifest: bytes, links: Links) -> None:
        """Write what comes last: the MANIFEST, and the LINKS if there are any."""
        self.archive.add(MANIFEST, [manifest], method=Method.STORED)
        if links.urls:
            self.archive.add(LINKS, [links.serialise()], method=Method.STORED)

    def _observed(
        self, path: str, chunks: Iterable[bytes | memoryview], digest: Digest
    ) -> Iterator[bytes | memoryview]:
        for chunk in chunks:
            if self.stop.is_set():
                raise PackingStoppedError
            digest.update(chunk)
            if path.startswith("model/"):
                self.progress.advance(len(chunk), path)
            yield chunk


def content_size(content: bytes | Path) -> int:
    """Bytes in what is to be packed. Raises `OSError` when it is not there."""
    return content.stat().st_size if isinstance(content, Path) else len(content)


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """What is in a file, in pieces of 1 MiB."""
    while chunk := file.read(_CHUNK):
        yield chunk


def _method(size: int, head: bytes | memoryview) -> Method:
    """Large files are stored unless they shrink a lot, as text does and weights do not."""
    if size < _LARGE:
        return Method.ZSTD
    return Method.ZSTD if _ratio(bytes(head)) < 0.5 else Method.STORED


def _ratio(sample: bytes) -> float:
    import zlib

    return len(zlib.compress(sample, 1)) / len(sample)
