"""`pack`: a model and its description, to a carton."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from carton_runtime import background
from carton_runtime.errors import StorageError
from carton_runtime.events import OnEvent, step
from carton_runtime.format.archive import ArchiveWriter
from carton_runtime.format.manifest import Links
from carton_runtime.packing.collect import ModelFile, collect
from carton_runtime.packing.description import Description, describe
from carton_runtime.packing.entries import EntryWriter, content_size
from carton_runtime.packing.hashing import Hasher
from carton_runtime.packing.linking import checked_links, find_linked
from carton_runtime.packing.options import MoreOptions, PackOptions, check_names, spell_out
from carton_runtime.packing.output import Output
from carton_runtime.packing.steps import Prepared, prepare
from carton_runtime.packing.write import CartonWriter
from carton_runtime.settings import Settings
from carton_runtime.storage.locate import local_path


@spell_out
async def pack(
    path: str | os.PathLike[str],
    runner_name: str,
    required_framework_version: str,
    *,
    output_path: str | os.PathLike[str] | None = None,
    on_event: OnEvent | None = None,
    **options: Unpack[MoreOptions],
) -> Path:
    """Pack a model.

    Args:
        path: the model: for the ``python`` runner, a folder of code.
        runner_name: what runs the model, such as ``python``.
        required_framework_version: which versions of the framework it needs, as a Cargo version requirement: ``=3.10``
            is any 3.10.x.
        output_path: the carton to write, replacing what is there; a new temporary file unless given.
        on_event: told of the steps ``environment.lock``, ``model.hash`` and ``model.pack``.
        **options: see `MoreOptions`.

    Returns:
        The path of the carton.

    Raises:
        FormatError: an option breaks the format.
        InvalidTensorError: a value of a self test or an example is no tensor.
        RunnerNotFoundError: there is no such runner.
        EnvironmentBuildError: the requirements cannot be locked.
        StorageError: the model cannot be read, or the carton not written.
        TypeError: an option is unknown.
    """
    check_names(options)
    every: PackOptions = {
        "runner_name": runner_name,
        "required_framework_version": required_framework_version,
        **options,
    }
    output = None if output_path is None else local_path(output_path).absolute()
    return await background.run(_pack(local_path(path), output, every, on_event))


async def _pack(path: Path, output: Path | None, options: PackOptions, on_event: OnEvent | None) -> Path:
    links = checked_links(options.get("linked_files") or {}, "linked_files")
    description = describe(options)
    files = await asyncio.to_thread(_files_for, path, output)
    prepared = await asyncio.to_thread(prepare, path, description.document.runner, Settings.load(), on_event)
    description.document = replace(description.document, runner=prepared.runner)
    job = _Job(files, prepared, description, links)
    return await job.run(Output(output), on_event)


def _files_for(path: Path, output: Path | None) -> list[ModelFile]:
    """The model's files without the carton that is about to be replaced, which may lie among them."""
    files = collect(path)
    if output is None:
        return files
    replaced = output.resolve()
    if path.is_file() and path.resolve() == replaced:
        raise StorageError(f"the carton {output} would replace the model itself; give another output_path")
    return [file for file in files if file.source.resolve() != replaced]


@dataclass(frozen=True)
class _Job:
    """The writing of one carton."""

    files: list[ModelFile]
    prepared: Prepared
    description: Description
    links: Links

    async def run(self, output: Output, on_event: OnEvent | None) -> Path:
        return await output.written(lambda archive: self._write(archive, output.stop, on_event))

    def _write(self, archive: ArchiveWriter, stop: threading.Event, on_event: OnEvent | None) -> None:
        sources = {file.path: file.source for file in self.files if file.link is None}
        model = {f"model/{path}": content for path, content in {**sources, **self.prepared.added}.items()}
        linked = find_linked(model, self.links, stop, on_event)
        total = sum(content_size(content) for path, content in model.items() if path not in linked.files)
        message = f"packing {len(self.files)} files"
        with step("model.pack", message, total=total, on_event=on_event) as running, Hasher() as hasher:
            entries = EntryWriter(archive, running, stop, hasher)
            CartonWriter(entries, linked).write(self.files, self.prepared.added, self.description)
