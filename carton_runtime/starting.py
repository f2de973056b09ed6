"""From a carton, or a folder, to a running model: which runner, in which environment, on which device."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from carton_runtime.catalog.choose import choose, host_platform
from carton_runtime.catalog.discover import RunnerEntry, discover, search_paths
from carton_runtime.checking import batch_axes
from carton_runtime.contents.opening import open_carton
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
from carton_runtime.packing.options import PackOptions
from carton_runtime.runner_kernels.deadlines import check_timeout
from carton_runtime.runner_kernels.kernel import Kernel
from carton_runtime.runner_kernels.spec import KernelSpec
from carton_runtime.runner_kernels.supervisor import RestartPolicy, Supervisor
from carton_runtime.settings import Settings
from carton_runtime.sizes import parse_size
from carton_runtime.storage.cache import Lease
from carton_runtime.unpacked import folder_of, stage


@dataclass(frozen=True)
class Overrides:
    """What a caller wants otherwise than the carton says.

    Attributes:
        visible_device: the device that the model sees: ``cpu``, an index or a UUID.
        runner_name: another runner.
        required_framework_version: another Cargo version requirement.
        runner_opts: options that go over the carton's own, key by key.
        memory_limit: bytes of memory that the model may take.
        restart_policy: how often the process is started again after it died.
        ready_timeout: seconds that the process may take until the model is loaded.
    """

    visible_device: str | int | None = None
    runner_name: str | None = None
    required_framework_version: str | None = None
    runner_opts: Mapping[str, Option] = field(default_factory=dict)
    memory_limit: int | None = None
    restart_policy: RestartPolicy = field(default_factory=RestartPolicy)
    ready_timeout: float | None = None

    @classmethod
    def checked(
        cls,
        visible_device: str | int | None,
        runner_name: str | None,
        required_framework_version: str | None,
        runner_opts: Mapping[str, Option] | None,
        memory_limit: int | str | None,
        restart_policy: RestartPolicy | None,
        ready_timeout: float | None,
    ) -> Overrides:
        """What a caller gave, once it is known to be of the right kind.

        Raises:
            FormatError: an override is of another kind, or empty.
            VersionReqError: the version requirement is none.
            SettingsError: the memory limit is no amount of memory, or the timeout no number of seconds.
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
        check_timeout(ready_timeout, "ready_timeout", hint="")
        return cls(
            visible_device,
            runner_name,
            required_framework_version,
            {} if runner_opts is None else plain_options(runner_opts, "override_runner_opts"),
            None if memory_limit is None else parse_size(memory_limit),
            restart_policy or RestartPolicy(),
            ready_timeout,
        )

    def apply(self, runner: RunnerInfo) -> RunnerInfo:
        """The runner to use."""
        return replace(
            runner,
            runner_name=self.runner_name or runner.runner_name,
            required_framework_version=self.required_framework_version or runner.required_framework_version,
            opts={**runner.opts, **self.runner_opts},
        )


@dataclass(frozen=True)
class Loading:
    """One load on its way.

    Attributes:
        overrides: what the caller wants otherwise than the carton says.
        strict: whether inputs and outputs that do not keep to the specs are an error.
        on_event: told of each step.
        settings: where everything is.
    """

    overrides: Overrides
    strict: bool
    on_event: OnEvent | None
    settings: Settings = field(default_factory=Settings.load)

    async def packed(self, location: str | os.PathLike[str]) -> Carton:
        """Load a carton. Raises as `load` does."""
        files = await open_carton(location, self.settings)
        try:
            plan = await self._plan(files.document)
            placed = await place_model(files, self.settings.cache_dir, self.settings.cache_size, self.on_event)
        finally:
            await files.contents.aclose()
        try:
            return await self._start(info_of(files, os.fspath(location)), plan, (placed.path, placed.path), placed)
        except BaseException:
            placed.release()
            raise

    async def unpacked(self, path: Path, options: PackOptions) -> Carton:
        """Load a model from where it is. Raises as `load_unpacked` does."""
        folder = folder_of(path, self.settings)
        lease = await folder.lease()
        try:
            staged = await asyncio.to_thread(stage, path, options, self.settings, self.on_event)
            plan = await self._plan(staged.document)
            return await self._start(staged.info, plan, (staged.model_dir, staged.lock_dir), lease)
        except BaseException:
            lease.release()
            await asyncio.to_thread(folder.remove_if_empty)
            raise

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
        self, info: CartonInfo, plan: _Plan, folders: tuple[Path, Path], held: PlacedModel | Lease
    ) -> Carton:
        """Start what was planned; `folders` are the model's own, and the one with its lock."""
        model_dir, lock_dir = folders
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
            ready_timeout=self.overrides.ready_timeout,
        )
        kernel = await Kernel.start(spec, on_event=self.on_event)
        remarks = filter(None, [plan.device.remark, held.remark])
        kernel.load_warnings = (*remarks, *kernel.load_warnings)
        supervisor = Supervisor(kernel, self.overrides.restart_policy, held.release)
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
