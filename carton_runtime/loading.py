"""`load`, `load_unpacked` and `get_model_info`: from a path to a running model."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Mapping
from typing import Unpack

from carton_runtime import background
from carton_runtime.contents.opening import look_at_carton
from carton_runtime.descriptors import in_need_of_descriptors
from carton_runtime.events import OnEvent
from carton_runtime.format.document import Option
from carton_runtime.info import CartonInfo, info_of
from carton_runtime.model import Carton
from carton_runtime.packing.kinds import check_kind
from carton_runtime.packing.options import MoreOptions, PackOptions, check_names, spell_out
from carton_runtime.runner_kernels.supervisor import RestartPolicy
from carton_runtime.settings import Settings
from carton_runtime.starting import Loading, Overrides
from carton_runtime.storage.locate import local_path

Location = str | os.PathLike[str]

_DESCRIPTORS = 16  # that a load opens at one time: files, and the sockets and pipes of a process


async def load(  # noqa: PLR0913  what the original takes, and what a process may take
    path: Location,
    visible_device: str | int | None = None,
    override_runner_name: str | None = None,
    override_required_framework_version: str | None = None,
    override_runner_opts: Mapping[str, Option] | None = None,
    *,
    memory_limit: int | str | None = None,
    ready_timeout: float | None = None,
    restart_policy: RestartPolicy | None = None,
    strict: bool = False,
    on_event: OnEvent | None = None,
) -> Carton:
    """Load a packed model: check it, build its environment where there is none yet, start it in a process of its own.

    Args:
        path: a carton, or the directory of an unpacked one: its path or URL, which ends with a slash for a directory in
            a bucket.
        visible_device: the device that the model sees: ``cpu``, an index, or a UUID that starts with ``GPU-`` or
            ``MIG-``. The first GPU unless given, or the CPU where there is none.
        override_runner_name: another runner than the carton says.
        override_required_framework_version: another Cargo version requirement than the carton says.
        override_runner_opts: options that go over the carton's own, key by key.
        memory_limit: what the model may take, in bytes or as ``"2 GB"``; as much as there is unless given. On Linux:
            an allocation that would bring one process above it fails with `MemoryError` (RLIMIT_DATA: private memory,
            used or not), and the model's processes together, with those that it starts, are ended when twice a second
            they are seen to have more than that in use. The memory of a GPU does not count.
        ready_timeout: seconds that the process may take until the model is loaded, each time that it is started; as
            long as it wants unless given. What comes before, such as a download, does not count.
        restart_policy: how often the process is started again after it died; five times a minute unless given.
        strict: make an error of what otherwise only warns: inputs and outputs that do not keep to the specs.
        on_event: told of each step; see `carton_runtime.events`.

    Raises:
        FormatError: it is no carton, or a broken one; or an argument is of the wrong kind.
        IntegrityError: a file is not what the carton's MANIFEST promises.
        StorageError: it cannot be read.
        RunnerNotFoundError: nothing here can run it; `InterpreterNotFoundError` when a Python is missing.
        EnvironmentBuildError: its environment cannot be built.
        ModelError: the model's own code failed; carries its traceback.
        KernelDiedError: its process ended while it loaded.
        LoadTimeoutError: it was not ready within `ready_timeout`.
        SettingsError: `memory_limit` is no amount of memory, or too small for any model; `ready_timeout` is no number
            of seconds.
        OutOfDescriptorsError: this process has too much open.
    """
    overrides = Overrides.checked(
        visible_device,
        override_runner_name,
        override_required_framework_version,
        override_runner_opts,
        memory_limit,
        restart_policy,
        ready_timeout,
    )
    check_kind(strict, bool, "strict")
    with in_need_of_descriptors("load the model", at_least=_DESCRIPTORS):
        model = await background.run(Loading(overrides, strict, on_event).packed(path))
    return await _warned(model)


@spell_out
async def load_unpacked(  # noqa: PLR0913  what pack needs, and what load takes
    path: Location,
    runner_name: str,
    required_framework_version: str,
    *,
    visible_device: str | int | None = None,
    override_runner_name: str | None = None,
    override_required_framework_version: str | None = None,
    override_runner_opts: Mapping[str, Option] | None = None,
    memory_limit: int | str | None = None,
    ready_timeout: float | None = None,
    restart_policy: RestartPolicy | None = None,
    strict: bool = False,
    on_event: OnEvent | None = None,
    **options: Unpack[MoreOptions],
) -> Carton:
    """Load a model that was not packed: `pack` and then `load`, without making a carton.

    The model runs from the very folder `path`. Arguments and errors are those of `pack` and `load`.
    """
    check_names(options)
    overrides = Overrides.checked(
        visible_device,
        override_runner_name,
        override_required_framework_version,
        override_runner_opts,
        memory_limit,
        restart_policy,
        ready_timeout,
    )
    check_kind(strict, bool, "strict")
    every: PackOptions = {
        "runner_name": runner_name,
        "required_framework_version": required_framework_version,
        **options,
    }
    with in_need_of_descriptors("load the model", at_least=_DESCRIPTORS):
        model = await background.run(Loading(overrides, strict, on_event).unpacked(local_path(path), every))
    return await _warned(model)


async def get_model_info(path: Location) -> CartonInfo:
    """What a carton says about itself; nothing of the model is read.

    Of a carton far away no more is fetched than its description: tensors, pictures and other files come when they are
    asked for. Where it has so many files that listing them would be most of that, the list is left there too; then the
    description is compared with the checksums of the zip only, if it is one, until something else is asked for.

    Raises:
        FormatError: it is no carton, or a broken one.
        IntegrityError: what describes it is not what its MANIFEST promises.
        StorageError: it cannot be read.
    """
    return await background.run(_info(path, Settings.load()))


async def _info(path: Location, settings: Settings) -> CartonInfo:
    files = await look_at_carton(path, settings)
    await files.aclose()  # what is asked for later opens it again
    return info_of(files, os.fspath(path))


async def _warned(model: Carton) -> Carton:
    """Say what there is to say about the load, to the caller of the function that awaits this."""
    if asyncio.get_running_loop() is background.background_loop():
        return model  # of the blocking twin, which warns in its caller's thread
    try:
        warn_of(model, stacklevel=4)
    except Warning:  # the caller makes errors of them, and will never hold the model
        await model.aclose()
        raise
    return model


def warn_of(model: Carton, *, stacklevel: int) -> None:
    """Warn of what the load of a model brought up."""
    for text in model.kernel.load_warnings:
        warnings.warn(f"{model.info.title}: {text}", stacklevel=stacklevel)
