"""Write a carton's zip: a stream from files to entries, hashed on the way."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from carton_runtime.errors import StorageError
from carton_runtime.events import Step
from carton_runtime.format import v1
from carton_runtime.format.archive import ArchiveWriter, Method
from carton_runtime.format.manifest import MANIFEST, Manifest
from carton_runtime.format.tensor_files import encode
from carton_runtime.packing.collect import ModelFile
from carton_runtime.packing.description import Description
from carton_runtime.packing.hashing import Digest, Hasher

_CHUNK = 1 << 20
_LARGE = 4 << 20  # from here on files are stored as they are, so that ranges of them can be read and mapped


class PackingStoppedError(Exception):
    """The caller of `pack` gave up; the thread that writes stops here."""


@dataclass
class CartonWriter:
    """Writes one carton.

    What describes the carton comes last, beside the zip's own directory: one read of the tail of a remote file gets it
    all.

    Args:
        archive: where to write.
        progress: told of each piece of the model; what describes it is small beside that.
        stop: set when the caller gave up.
        hasher: hashes what is written.
    """

    archive: ArchiveWriter
    progress: Step
    stop: threading.Event
    hasher: Hasher
    hashes: dict[str, str] = field(default_factory=dict)

    def write(self, model: Iterable[ModelFile], added: Mapping[str, bytes | Path], description: Description) -> None:
        """Write everything.

        Raises:
            StorageError: a file cannot be read.
            FormatError: a name cannot be in a carton.
        """
        for file in sorted(model, key=lambda file: file.link is not None):  # links need the hashes of what they lead to
            self._model_file(file)
        for path, content in added.items():
            self._add(f"model/{path}", content)
        for path, data in description.misc_files.items():
            self._add(f"misc/{path}", data)
        for path, tensor in encode(description.tensors).items():
            self._add(path, tensor)
        self._add("carton.toml", v1.serialise(description.document))
        self.archive.add(MANIFEST, [Manifest(self.hashes).serialise()], method=Method.STORED)

    def _model_file(self, file: ModelFile) -> None:
        path = f"model/{file.path}"
        if file.link is None:
            self._add(path, file.source)
            return
        target = os.path.normpath(os.path.join(os.path.dirname(path), file.link))  # noqa: PTH118, PTH120  text, not a file
        self.archive.add_symlink(path, file.link)
        self.hashes[path] = self.hashes[target]

    def _add(self, path: str, content: bytes | memoryview | Path) -> None:
        if not isinstance(content, Path):
            self._add_chunks(path, iter([content]), len(content), content[:_CHUNK])
            return
        try:
            with content.open("rb") as file:
                head = file.read(_CHUNK)
                size = os.fstat(file.fileno()).st_size
                self._add_chunks(path, _chunks(head, file), size, head)
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"{content} cannot be packed: {error.strerror}") from error

    def _add_chunks(self, path: str, chunks: Iterator[bytes | memoryview], size: int, head: bytes | memoryview) -> None:
        digest = self.hasher.digest()
        self.archive.add(path, self._observed(path, chunks, digest), method=_method(size, head), size=size)
        self.hashes[path] = digest.hexdigest()

    def _observed(
        self, path: str, chunks: Iterator[bytes | memoryview], digest: Digest
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


def temporary_file(output: Path | None) -> tuple[BinaryIO, Path]:
    """A new file to write a carton to: beside `output`, to be renamed, or in the system's folder for such.

    Raises:
        StorageError: it cannot be made there.
    """
    folder = None if output is None else output.parent
    try:
        descriptor, name = tempfile.mkstemp(prefix="carton-", suffix=".carton", dir=folder)
        # mkstemp keeps others out; a carton is as readable as any file that this user writes.
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
    except OSError as error:
        raise StorageError(
            f"no carton can be written to {folder or tempfile.gettempdir()}: {error.strerror}"
        ) from error
    return os.fdopen(descriptor, "wb"), Path(name)


def _chunks(head: bytes, file: BinaryIO) -> Iterator[bytes | memoryview]:
    chunk = head
    while chunk:
        yield chunk
        chunk = file.read(_CHUNK)


def _method(size: int, head: bytes | memoryview) -> Method:
    """Large files are stored unless they shrink a lot, as text does and weights do not."""
    if size < _LARGE:
        return Method.ZSTD
    return Method.ZSTD if _ratio(bytes(head)) < 0.5 else Method.STORED


def _ratio(sample: bytes) -> float:
    import zlib

    return len(zlib.compress(sample, 1)) / len(sample)
