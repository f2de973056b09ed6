"""Locking at pack time: exact packages for every platform, with what is not on the web bundled."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from platform import machine

from packaging.markers import Marker
from packaging.pylock import Pylock

from carton_runtime.environments.bundling import Bundler, Lock
from carton_runtime.environments.inspection import Interpreter, running_interpreter
from carton_runtime.environments.interpreters import find_interpreters
from carton_runtime.environments.plan import with_numpy
from carton_runtime.environments.resolving import Resolver
from carton_runtime.environments.targets import Target
from carton_runtime.environments.wheels import WheelBuilder
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import OnEvent, Step, step
from carton_runtime.settings import Settings

__all__ = ["Lock", "lock_requirements"]


def lock_requirements(
    requirements: str,
    minors: Sequence[str],
    settings: Settings,
    on_event: OnEvent | None = None,
    *,
    directory: Path | None = None,
) -> Lock:
    """Lock `requirements` for each of the Python versions `minors`, on every platform.

    Versions of Python for which there is no solution are left out, as long as one remains.

    Args:
        requirements: the text of ``requirements.txt``; numpy is added when it is not in there.
        minors: such as ``("3.10", "3.11")``, oldest first.
        settings: where packages come from.
        on_event: told of the step ``environment.lock``.
        directory: where relative paths in the requirements start; the working directory unless given.

    Raises:
        EnvironmentBuildError: there is no solution, or a package that comes as source only does not build.
        IntegrityError: a source is not what its index promised.
    """
    if not minors:
        raise EnvironmentBuildError("no known Python fits; requirements can be locked for Python 3.8 to 3.14")
    with step("environment.lock", f"Locking for Python {', '.join(minors)}", on_event=on_event) as running:
        pythons = _by_minor(find_interpreters(settings))
        here = directory or Path.cwd()
        lock = _Universal(with_numpy(requirements), settings, here, pythons, running).resolve(minors)
        targets = [_target(minor, pythons) for minor in minors]
        covered = [target for target in targets if _covers(lock, target)]
        return Bundler(lock, WheelBuilder(settings, here, running), pythons).bundle(requirements, covered)


@dataclass(frozen=True)
class _Universal:
    requirements: str
    settings: Settings
    directory: Path
    pythons: Mapping[str, Interpreter]
    running: Step

    def resolve(self, minors: Sequence[str]) -> Pylock:
        """One lock for all of `minors`; when not all have a solution, for those (and those platforms) that do."""
        try:
            return self._resolve([_everywhere(minor) for minor in minors], minors, self.running)
        except EnvironmentBuildError:
            if len(minors) > 1:
                self.running.say("There is none for all of them; looking for those that have one")
        with ThreadPoolExecutor(max_workers=4, thread_name_prefix="carton-lock") as pool:
            found = zip(minors, pool.map(self._solvable_part, minors), strict=True)
            parts = {minor: part for minor, part in found if part is not None}
        if not parts:  # the newest Python's error says best what is wrong
            parts = {minors[-1]: _everywhere(minors[-1])}
        return self._resolve(list(parts.values()), list(parts), self.running)

    def _solvable_part(self, minor: str) -> str | None:
        """The marker for as much of a Python version as there is a solution for."""
        for marker in (_everywhere(minor), _here(minor)):
            try:
                self._resolve([marker], [minor], None)
            except EnvironmentBuildError:
                continue
            return marker
        return None

    def _resolve(self, markers: Sequence[str], minors: Sequence[str], running: Step | None) -> Pylock:
        builder = (self.pythons.get(minors[0]) if len(minors) == 1 else None) or running_interpreter()
        resolver = Resolver(self.settings, self.directory, running)
        lock = resolver.for_environments(self.requirements, markers, minors[0], builder)
        # uv leaves out for which environments it resolved: without that, a lock would say "nothing" for all others
        return replace(lock, created_by="carton-jupyter", environments=[Marker(text) for text in markers])


def _everywhere(minor: str) -> str:
    return f"python_version == '{minor}'"


def _here(minor: str) -> str:
    return f"{_everywhere(minor)} and sys_platform == '{sys.platform}' and platform_machine == '{machine()}'"


def _by_minor(interpreters: Sequence[Interpreter]) -> dict[str, Interpreter]:
    found: dict[str, Interpreter] = {}
    for interpreter in interpreters:
        found.setdefault(interpreter.minor, interpreter)
    return found


def _target(minor: str, pythons: Mapping[str, Interpreter]) -> Target:
    return Target(minor, pythons[minor].version if minor in pythons else f"{minor}.0")


def _covers(lock: Pylock, target: Target) -> bool:
    return any(marker.evaluate(target.markers) for marker in lock.environments or ())
