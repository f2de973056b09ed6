"""Which runner serves a carton: a pure decision that can say why."""

from __future__ import annotations

import platform as host
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from carton_runtime.catalog.discover import INTERFACE_VERSION, RunnerEntry
from carton_runtime.errors import RunnerNotFoundError
from carton_runtime.format.document import RunnerInfo
from carton_runtime.format.versionreq import VersionReq


class VersionedInterpreter(Protocol):
    """What the choice needs to know of an interpreter."""

    @property
    def version(self) -> str:
        """Its semantic version."""


AnyInterpreter = TypeVar("AnyInterpreter", bound=VersionedInterpreter)


@dataclass(frozen=True)
class Choice(Generic[AnyInterpreter]):
    """The runner that serves a carton.

    Attributes:
        entry: the runner.
        interpreter: for a runner whose framework is Python, the interpreter that fits; `None` when this machine has
            none in the range (one may be downloaded), and for runners with a version of their own.
        reason: why this one, for people.
    """

    entry: RunnerEntry
    interpreter: AnyInterpreter | None
    reason: str


def choose(
    runner: RunnerInfo, entries: Sequence[RunnerEntry], interpreters: Sequence[AnyInterpreter], platform: str
) -> Choice[AnyInterpreter]:
    """The newest of `entries` that fits what a carton asks for; of equally new ones the first.

    Args:
        runner: what the carton asks for.
        entries: the runners there are.
        interpreters: the Pythons there are; the first wins when it fits, else the newest that does.
        platform: this machine's target triple.

    Raises:
        RunnerNotFoundError: none fits; the message names each runner there is and why it does not.
    """
    requirement = VersionReq(runner.required_framework_version)
    fitting = [entry for entry in entries if not _misfit(entry, runner, requirement, platform)]
    if not fitting:
        raise RunnerNotFoundError(_nothing_fits(entries, runner, requirement, platform))
    best = max(fitting, key=lambda entry: entry.release_date)
    interpreter = _interpreter(requirement, interpreters) if best.framework_version is None else None
    return Choice(best, interpreter, _reason(best, requirement, interpreter, len(fitting)))


def host_platform() -> str:
    """The target triple of this machine, such as ``x86_64-unknown-linux-gnu``."""
    machine = {"AMD64": "x86_64", "amd64": "x86_64", "arm64": "aarch64"}.get(host.machine(), host.machine())
    if sys.platform == "darwin":
        return f"{machine}-apple-darwin"
    return f"{machine}-unknown-linux-{'gnu' if host.libc_ver()[0] == 'glibc' else 'musl'}"


def _misfit(entry: RunnerEntry, runner: RunnerInfo, requirement: VersionReq, platform: str) -> str:
    """Why `entry` does not fit; empty when it does."""
    compat = runner.runner_compat_version
    if entry.name != runner.runner_name:
        return "another name"
    if entry.interface_version != INTERFACE_VERSION:
        return f"interface {entry.interface_version}, not {INTERFACE_VERSION}"
    if entry.framework_version is not None and not requirement.matches(entry.framework_version):
        return f"framework version {entry.framework_version} is not in {requirement}"
    if compat is not None and entry.compat_version != compat:
        return f"compat version {entry.compat_version}, not {compat}"
    return "" if entry.platform in (None, platform) else f"for {entry.platform}, and this machine is {platform}"


def _interpreter(requirement: VersionReq, interpreters: Sequence[AnyInterpreter]) -> AnyInterpreter | None:
    fitting = [interpreter for interpreter in interpreters if requirement.matches(interpreter.version)]
    if fitting and fitting[0] is interpreters[0]:
        return fitting[0]
    return max(fitting, key=lambda interpreter: _numbers(interpreter.version), default=None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].split("."))


def _reason(entry: RunnerEntry, requirement: VersionReq, interpreter: VersionedInterpreter | None, count: int) -> str:
    newest = f"the newest of {count} that fit" if count > 1 else "the only one that fits"
    version = entry.framework_version or (f"Python {interpreter.version}" if interpreter else "no Python here fits yet")
    release = f"{entry.name} of {entry.release_date:%Y-%m-%d} from {entry.source}"
    return f"runner {release} is {newest} {requirement} ({version})"


def _nothing_fits(entries: Sequence[RunnerEntry], runner: RunnerInfo, requirement: VersionReq, platform: str) -> str:
    compat = f", compat version {runner.runner_compat_version}" if runner.runner_compat_version is not None else ""
    wanted = f"no runner {runner.runner_name!r} for version {requirement}{compat} on {platform}"
    lines = [f"  - {entry.name} ({entry.source}): {_misfit(entry, runner, requirement, platform)}" for entry in entries]
    there = "\n".join(["; there is:", *lines]) if lines else "; no runner is installed at all"
    return f"{wanted}{there}\nInstall one into the folder that CARTON_RUNNER_DIR names."
