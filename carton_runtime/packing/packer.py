"""`pack`: a model and its description, to a carton."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Unpack

from carton_runtime import background
from carton_runtime.errors import CartonError, StorageError
from carton_runtime.events import OnEvent, step
from carton_runtime.format.archive import ArchiveWriter
from carton_runtime.packing.collect import ModelFile, collect
from carton_runtime.packing.description import Description, describe
from carton_runtime.packing.hashing import Hasher
from carton_runtime.packing.options import MoreOptions, PackOptions, check_names, spell_out
from carton_runtime.packing.steps import Prepared, prepare
from carton_runtime.packing.write import CartonWriter, content_size, temporary_file
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
        on_event: told of the steps ``environment.lock`` and ``model.pack``.
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
    description = describe(options)
    files = await asyncio.to_thread(_files_for, path, output)
    prepared = await asyncio.to_thread(prepare, path, description.document.runner, Settings.load(), on_event)
    description.document = replace(description.document, runner=prepared.runner)
    job = _Job(files, prepared, description, output)
    writing = asyncio.create_task(asyncio.to_thread(job.write, on_event), name="carton-pack")
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        # The thread must have removed its file before the caller goes on.
        job.stop.set()
        await asyncio.wait({writing})
        if writing.exception() is None and output is None:
            writing.result().unlink()  # it was done already, and nobody will learn the name of the file
        raise


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
    """The writing of one carton, in a thread."""

    files: list[ModelFile]
    prepared: Prepared
    description: Description
    output: Path | None
    stop: threading.Event = field(default_factory=threading.Event)

    def write(self, on_event: OnEvent | None) -> Path:
        opened, temporary = temporary_file(self.output)
        try:
            with opened, ArchiveWriter(opened) as archive:
                self._write(archive, on_event)
            if self.output is None:
                return temporary
            temporary.replace(self.output)
        except BaseException as error:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            if isinstance(error, OSError) and not isinstance(error, CartonError):
                raise StorageError(f"the carton {self.output or temporary} cannot be written: {error}") from error
            raise
        return self.output

    def _write(self, archive: ArchiveWriter, on_event: OnEvent | None) -> None:
        model = [file.source for file in self.files if file.link is None]
        total = sum(map(content_size, (*model, *self.prepared.added.values())))
        message = f"packing {len(self.files)} files"
        with step("model.pack", message, total=total, on_event=on_event) as running, Hasher() as hasher:
            CartonWriter(archive, running, self.stop, hasher).write(self.files, self.prepared.added, self.description)
