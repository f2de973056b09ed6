"""`load`, `load_unpacked` and `get_model_info`: from a path to a running model."""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Unpack

from carton_runtime import background
from carton_runtime.catalog.choose import choose, host_platform
from carton_runtime.catalog.discover import RunnerEntry, discover, search_paths
from carton_runtime.checking import batch_axes
from carton_runtime.contents.opening import look_at_carton, open_carton
from carton_runtime.contents.placing import PlacedModel, place_model
from carton_runtime.devices import Device, resolve_device
from carton_runtime.environments.interpreters import Interpreter, ensure_interpreter, find_interpreters
from carton_runtime.environments.store import ensure_environment
from carton_runtime.errors import FormatError, RunnerNotFoundError
from carton_runtime.events import OnEvent
from carton_runtime.format.document import Document, Option, RunnerInfo
from carton_runtime.format.versionreq import VersionReq
from carton_runtime.info import CartonInfo, info_of
from carton_runtime.model import Carton
from carton_runtime.packing.kinds import check_kind, check_version, plain_options
from carton_runtime.packing.options import MoreOptions, PackOptions, check_names, spell_out
from carton_runtime.runner_kernels.kernel import Kernel
from carton_runtime.runner_kernels.spec import KernelSpec
from carton_runtime.runner_kernels.supervisor import RestartPolicy, Supervisor
from carton_runtime.settings import Settings
from carton_runtime.sizes import parse_size
from carton_runtime.storage.locate import local_path
from carton_runtime.unpacked import stage

Location = str | os.PathLike[str]


@dataclass(frozen=True)
class Overrides:
    """What a caller wants otherwise than the carton says.

    Attributes:
        visible_device: the device that the model sees: ``cpu``, an index or a UUID.
        runner_name: another runner.
        required_framework_version: another Cargo version requirement.
        runner_opts: options that go over the carton's own, key by key.
        memory_limit: bytes of memory that the model's process may take.
        restart_policy: how often the process is started again after it died.
    """

    visible_device: str | int | None = None
    runner_name: str | None = None
    required_framework_version: str | None = None
    runner_opts: Mapping[str, Option] = field(default_factory=dict)
    memory_limit: int | None = None
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)

    @classmethod
    def checked(
        cls,
        visible_device: str | int | None,
        runner_name: str | None,
        required_framework_version: str | None,
        runner_opts: Mapping[str, Option] | None,
        memory_limit: int | str | None,
        restart_policy: RestartPolicy | None,
    ) -> Overrides:
        """What a caller gave, once it is known to be of the right kind.

        Raises:
            FormatError: an override is of another kind, or empty.
            VersionReqError: the version requirement is none.
            SettingsError: the memory limit is no amount of memory.
        """
        if runner_name is not None:
            check_kind(runner_name, str, "override_runner_name")
            if not runner_name:
                raise FormatError("is empty; name a runner, or leave it out", where="override_runner_name")
        if required_framework_version is not None:
            check_version(required_framework_version, "override_required_framework_version")
            required_framework_version = str(VersionReq(required_framework_version))
        if restart_policy is not None:
            check_kind(restart_policy, RestartPolicy, "restart_policy")
        return cls(
            visible_device,
            runner_name,
            required_framework_version,
            {} if runner_opts is None else plain_options(runner_opts, "override_runner_opts"),
            None if memory_limit is None else parse_size(memory_limit),
            restart_policy or RestartPolicy(),
        )

    def apply(self, runner: RunnerInfo) -> RunnerInfo:
        """The runner to use."""
        return replace(
            runner,
            runner_name=self.runner_name or runner.runner_name,
            required_framework_version=self.required_framework_version or runner.required_framework_version,
            opts={**runner.opts, **self.runner_opts},
        )


async def load(
    path: Location,
    visible_device: str | int | None = None,
    override_runner_name: str | None = None,
    override_required_framework_version: str | None = None,
    override_runner_opts: Mapping[str, Option] | None = None,
    *,
    memory_limit: int | str | None = None,
    restart_policy: RestartPolicy | None = None,
    strict: bool = False,
    on_event: OnEvent | None = None,
) -> Carton:
    """Load a packed model: check it, build its environment where there is none yet, start it in a process of its own.

    Args:
        path: a carton, or the directory of an unpacked one: its path or URL.
        visible_device: the device that the model sees: ``cpu``, an index, or a UUID that starts with ``GPU-`` or
            ``MIG-``. The first GPU unless given, or the CPU where there is none.
        override_runner_name: another runner than the carton says.
        override_required_framework_version: another Cargo version requirement than the carton says.
        override_runner_opts: options that go over the carton's own, key by key.
        memory_limit: what the model's process may take, in bytes or as ``"2 GB"``; as much as there is unless given.
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
    """
    overrides = Overrides.checked(
        visible_device,
        override_runner_name,
        override_required_framework_version,
        override_runner_opts,
        memory_limit,
        restart_policy,
    )
    check_kind(strict, bool, "strict")
    return await _warned(await background.run(_Loading(overrides, strict, on_event).packed(path)))


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
    )
    check_kind(strict, bool, "strict")
    every: PackOptions = {
        "runner_name": runner_name,
        "required_framework_version": required_framework_version,
        **options,
    }
    return await _warned(await background.run(_Loading(overrides, strict, on_event).unpacked(local_path(path), every)))


async def get_model_info(path: Location) -> CartonInfo:
    """What a carton says about itself; nothing of the model is read.

    Of a carton far away no more is fetched than its description: tensors, pictures and other files come when they are
    asked for. Where it has so many files that listing them would be most of that, the list is left there too; then the
    description is compared with the zip's checksums only, until something else is asked for.

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


@dataclass(frozen=True)
class _Loading:
    """One load on its way."""

    overrides: Overrides
    strict: bool
    on_event: OnEvent | None
    settings: Settings = field(default_factory=Settings.load)

    async def packed(self, location: Location) -> Carton:
        files = await open_carton(location, self.settings)
        try:
            plan = await self._plan(files.document)
            placed = await place_model(files, self.settings.cache_dir, self.settings.cache_size, self.on_event)
        finally:
            await files.contents.aclose()
        try:
            return await self._start(info_of(files, os.fspath(location)), plan, placed.path, placed.path, placed)
        except BaseException:
            placed.release()
            raise

    async def unpacked(self, path: Path, options: PackOptions) -> Carton:
        staged = await asyncio.to_thread(stage, path, options, self.settings, self.on_event)
        plan = await self._plan(staged.document)
        return await self._start(staged.info, plan, staged.model_dir, staged.lock_dir)

    async def _plan(self, document: Document) -> _Plan:
        """Which runner, interpreter and device, before anything of the model is read."""
        _check_platform(document)
        device = await asyncio.to_thread(resolve_device, self.overrides.visible_device)
        runner = self.overrides.apply(document.runner)
        interpreters = await asyncio.to_thread(find_interpreters, self.settings)
        choice = choose(runner, discover(search_paths(self.settings)).entries, interpreters, host_platform())
        interpreter = choice.interpreter
        if choice.entry.framework == "python" and interpreter is None:
            requirement = VersionReq(runner.required_framework_version)
            interpreter = await asyncio.to_thread(ensure_interpreter, requirement, self.settings, self.on_event)
        named = replace(runner, runner_compat_version=choice.entry.compat_version)
        return _Plan(named, choice.entry, choice.reason, interpreter, device)

    async def _start(
        self, info: CartonInfo, plan: _Plan, model_dir: Path, lock_dir: Path, placed: PlacedModel | None = None
    ) -> Carton:
        spec = KernelSpec(
            name=info.title,
            python=await self._python(plan, lock_dir),
            runner=plan.entry.path / "main.py",
            model_dir=model_dir,
            options=plan.runner.opts,
            variables=plan.device.environment(),
            device=str(plan.device),
            reason=plan.reason,
            batch_axes=batch_axes(info.inputs, info.outputs),
            memory_limit=self.overrides.memory_limit,
        )
        kernel = await Kernel.start(spec, on_event=self.on_event)
        remarks = filter(None, [plan.device.remark, placed.remark if placed else ""])
        kernel.load_warnings = (*remarks, *kernel.load_warnings)
        supervisor = Supervisor(kernel, self.overrides.restart_policy, placed.release if placed else None)
        return Carton(replace(info, runner=plan.runner), supervisor, strict=self.strict)

    async def _python(self, plan: _Plan, lock_dir: Path) -> Path:
        if plan.interpreter is None:  # a runner without a framework, such as `noop`
            return Path(sys.executable)
        built = await asyncio.to_thread(ensure_environment, lock_dir, plan.interpreter, self.settings, self.on_event)
        return built.python


@dataclass(frozen=True)
class _Plan:
    runner: RunnerInfo
    entry: RunnerEntry
    reason: str
    interpreter: Interpreter | None
    device: Device


def _check_platform(document: Document) -> None:
    platform = host_platform()
    if document.required_platforms and platform not in document.required_platforms:
        supported = ", ".join(document.required_platforms)
        raise RunnerNotFoundError(f"this model supports {supported}; this machine is {platform}")


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
