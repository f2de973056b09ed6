"""Write a carton out of a model and its description."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from carton_runtime.format import v1
from carton_runtime.format.manifest import Manifest
from carton_runtime.format.tensor_files import encode
from carton_runtime.packing.collect import ModelFile
from carton_runtime.packing.description import Description
from carton_runtime.packing.entries import EntryWriter
from carton_runtime.packing.linking import LinkedFiles


class CartonWriter:
    """Writes one carton.

    What describes the carton comes last, beside the zip's own directory: one read of the tail of a remote file gets it
    all.

    Args:
        entries: writes the files.
        linked: the files of the model to leave out.
    """

    def __init__(self, entries: EntryWriter, linked: LinkedFiles) -> None:
        self._entries = entries
        self._linked = linked

    def write(self, model: Iterable[ModelFile], added: Mapping[str, bytes | Path], description: Description) -> None:
        """Write everything.

        Raises:
            StorageError: a file cannot be read.
            FormatError: a name cannot be in a carton.
        """
        for file in sorted(model, key=lambda file: file.link is not None):  # links need the hashes of what they lead to
            self._model_file(file)
        for path, content in added.items():
            self._add_or_link(f"model/{path}", content)
        for path, data in description.misc_files.items():
            self._entries.add(f"misc/{path}", data)
        for path, tensor in encode(description.tensors).items():
            self._entries.add(path, tensor)
        self._entries.add("carton.toml", v1.serialise(description.document))
        self._entries.describe(Manifest(self._entries.hashes).serialise(), self._linked.links)

    def _model_file(self, file: ModelFile) -> None:
        path, hashes = f"model/{file.path}", self._entries.hashes
        if file.link is None:
            self._add_or_link(path, file.source)
            return
        target = os.path.normpath(os.path.join(os.path.dirname(path), file.link))  # noqa: PTH118, PTH120  text, not a file
        self._entries.archive.add_symlink(path, file.link)
        hashes[path] = hashes[target]

    def _add_or_link(self, path: str, content: bytes | Path) -> None:
        if path in self._linked.files:
            self._entries.hashes[path] = self._linked.files[path]
        else:
            self._entries.add(path, content)
