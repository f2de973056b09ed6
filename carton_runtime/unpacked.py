"""A model that is not packed, laid out so that it can run where it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from carton_runtime._child.carton_wire.values import Tensor, dtype_name
from carton_runtime.contents.carton import CARTON_TOML
from carton_runtime.contents.placing import MODEL_PACKAGE
from carton_runtime.environments.plan import python_minors
from carton_runtime.errors import FormatError, StorageError
from carton_runtime.events import OnEvent
from carton_runtime.format import v1
from carton_runtime.format.document import Document, MiscRef, RunnerInfo, TensorRef
from carton_runtime.format.manifest import MANIFEST
from carton_runtime.format.versionreq import VersionReq
from carton_runtime.info import CartonInfo, make_info
from carton_runtime.lazy import LazyTensor, MiscFile
from carton_runtime.packing.description import Description, describe
from carton_runtime.packing.options import PackOptions
from carton_runtime.packing.steps import (
    LOCK_DIR,
    lock_files,
    lock_model,
    packing_runner,
    requirement_texts,
    requirements_of,
)
from carton_runtime.settings import Settings
from carton_runtime.storage.cache import UNPACKED, ModelFolder

_KEY = "key"


@dataclass(frozen=True)
class Staged:
    """A model ready to be started.

    Attributes:
        document: what its ``carton.toml`` would say.
        info: the same, for people.
        model_dir: a link to the model's own folder, under the name that Python models find themselves in.
        lock_dir: the folder whose ``.carton/`` says what its environment holds.
    """

    document: Document
    info: CartonInfo
    model_dir: Path
    lock_dir: Path


def folder_of(path: Path, settings: Settings) -> ModelFolder:
    """The folder of the cache that belongs to the model at `path`."""
    return ModelFolder.of(settings.cache_dir, hashlib.sha256(os.fsencode(path.absolute())).hexdigest(), UNPACKED)


def stage(path: Path, options: PackOptions, settings: Settings, on_event: OnEvent | None) -> Staged:
    """Do the packing step of a model without packing it, or find that it was done before. Raises as `pack` does.

    What is made lies in the cache, in a place that depends on `path` alone: loading again leaves nothing further
    behind. The caller has it kept there, by a lease of `folder_of`.
    """
    description = describe(options)
    if not path.exists():
        raise StorageError(f"the model {path} does not exist")
    _check_no_carton(path)
    runner = description.document.runner
    entry = packing_runner(runner, settings)
    compat = entry.compat_version if runner.runner_compat_version is None else runner.runner_compat_version
    # What could not be packed is refused here too, and the rest is what reading a carton of it would give.
    named = replace(description.document, runner=replace(runner, runner_compat_version=compat))
    document = v1.parse(v1.serialise(named))
    folder = folder_of(path, settings)
    root = folder.path
    try:
        with folder.turn_blocking():
            _link(root / MODEL_PACKAGE, path.absolute())
            if entry.framework == "python":
                _lock(root, path, runner, settings, on_event)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"the cache at {settings.cache_dir} cannot be written: {error}") from error
    return Staged(document, _info(document, description), root / MODEL_PACKAGE, root)


def _check_no_carton(path: Path) -> None:
    is_directory_of_one = (path / MANIFEST).is_file() and (path / CARTON_TOML).is_file()
    if is_directory_of_one or (path.is_file() and path.suffix == ".carton"):
        raise FormatError(f"{path} is a carton, which is packed already; use load")


def _link(link: Path, target: Path) -> None:
    if not link.is_symlink():
        link.symlink_to(target)


def _lock(root: Path, path: Path, runner: RunnerInfo, settings: Settings, on_event: OnEvent | None) -> None:
    texts = requirement_texts(path)
    minors = python_minors(VersionReq(runner.required_framework_version))
    sources = [settings.index_url, settings.extra_index_urls, settings.find_links]
    key = hashlib.sha256(json.dumps([texts, minors, sources]).encode()).hexdigest()
    folder = root / LOCK_DIR
    if texts is not None and (folder / _KEY).is_file() and (folder / _KEY).read_text() == key:
        return
    files = lock_files(lock_model(path, runner, settings, on_event))
    (folder / _KEY).unlink(missing_ok=True)
    (root / "requirements.txt").write_bytes(requirements_of(path).encode("utf-8"))
    for name, content in files.items():
        destination = root / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    (folder / _KEY).write_text(key)  # last: only now is the lock whole


def _info(document: Document, description: Description) -> CartonInfo:
    misc_files = {path: MiscFile(path, _giving(data)) for path, data in description.misc_files.items()}

    def tensor(ref: TensorRef) -> LazyTensor:
        value: Tensor = description.tensors[ref.name]
        return LazyTensor(ref.name, lambda: (dtype_name(value.dtype), tuple(value.shape)), _giving(value))

    def misc(ref: MiscRef) -> MiscFile:
        return misc_files[ref.path]

    return make_info(document, tensor=tensor, misc=misc, misc_files=misc_files)


def _giving(value: Any) -> Any:
    async def fetch() -> Any:
        return value

    def make() -> Coroutine[Any, Any, Any]:
        return fetch()

    return make
