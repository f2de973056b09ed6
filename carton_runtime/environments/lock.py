"""Locking at pack time: exact packages for every platform, with what is not on the web bundled."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from platform import machine

from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageWheel, Pylock, PylockSelectError

from carton_runtime.environments.carton_lock import write_carton_lock
from carton_runtime.environments.inspection import Interpreter, running_interpreter
from carton_runtime.environments.interpreters import find_interpreters
from carton_runtime.environments.plan import with_numpy
from carton_runtime.environments.resolving import Resolver, write_pylock
from carton_runtime.environments.targets import Source, Target
from carton_runtime.environments.wheels import WheelBuilder, file_sha256, is_web, local_file
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import OnEvent, step
from carton_runtime.settings import Settings

BUNDLE = "bundled_wheels"


@dataclass(frozen=True)
class Lock:
    """What goes into a model's ``.carton/`` folder.

    Attributes:
        pylock: ``pylock.toml`` (PEP 751), for every platform.
        carton_lock: ``carton.lock``, for this platform, as the original reads it.
        bundled: wheels that are not on the web: path relative to ``.carton/`` → file on this machine.
    """

    pylock: bytes
    carton_lock: bytes
    bundled: Mapping[str, Path]


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
        minors: such as ``("3.10", "3.11")``.
        settings: where packages come from.
        on_event: told of the step ``environment.lock``.
        directory: where relative paths in the requirements start; the working directory unless given.

    Raises:
        EnvironmentBuildError: there is no solution, or a package that comes as source only does not build.
        IntegrityError: a source is not what its index promised.
    """
    if not minors:
        raise EnvironmentBuildError("no known Python version fits; requirements can be locked for Python 3.8 to 3.14")
    directory = directory or Path.cwd()
    with step("environment.lock", f"Locking for Python {', '.join(minors)}", on_event=on_event) as running:
        interpreters = _by_minor(find_interpreters(settings))
        universal = _Universal(Resolver(settings, directory, running), with_numpy(requirements), interpreters)
        lock = universal.resolve(minors)
        bundler = _Bundler(lock, WheelBuilder(settings, directory, running), interpreters)
        return bundler.bundle(requirements, [minor for minor in minors if _covers(lock, minor)])


@dataclass(frozen=True)
class _Universal:
    resolver: Resolver
    requirements: str
    interpreters: Mapping[str, Interpreter]

    def resolve(self, minors: Sequence[str]) -> Pylock:
        """One lock for all of `minors`, or for those among them (and, at worst, those platforms) that have a solution."""
        everywhere = [f"python_version == '{minor}'" for minor in minors]
        try:
            return self._resolve(everywhere, minors)
        except EnvironmentBuildError as error:
            parts = {minor: part for minor in minors if (part := self._solvable(minor))}
            if not parts:
                raise
            if list(parts.values()) == everywhere:
                raise EnvironmentBuildError("no versions fit for all of these Pythons at once") from error
            return self._resolve(list(parts.values()), list(parts))

    def _solvable(self, minor: str) -> str | None:
        everywhere = f"python_version == '{minor}'"
        here = f"{everywhere} and sys_platform == '{sys.platform}' and platform_machine == '{machine()}'"
        for environment in (everywhere, here):
            try:
                self._resolve([environment], [minor])
            except EnvironmentBuildError:
                continue
            return environment
        return None

    def _resolve(self, environments: Sequence[str], minors: Sequence[str]) -> Pylock:
        interpreter = self.interpreters.get(minors[0]) if len(minors) == 1 else None
        lock = self.resolver.for_environments(
            self.requirements, environments, minors[0], interpreter or running_interpreter()
        )
        return replace(lock, created_by="carton-jupyter", environments=[Marker(text) for text in environments])


@dataclass(frozen=True)
class _Bundler:
    lock: Pylock
    builder: WheelBuilder
    interpreters: Mapping[str, Interpreter]
    bundled: dict[str, Path] = field(default_factory=dict)

    def bundle(self, requirements: str, minors: Sequence[str]) -> Lock:
        chosen = {target: self._wheels(target) for target in map(self._target, minors)}
        entries = [(target, [wheel for _, wheel in wheels]) for target, wheels in chosen.items()]
        packages = [self._portable(package, chosen) for package in self.lock.packages]
        pylock = replace(self.lock, packages=[package for package in packages if package])
        return Lock(write_pylock(pylock), write_carton_lock(requirements, entries), self.bundled)

    def _target(self, minor: str) -> Target:
        interpreter = self.interpreters.get(minor)
        return Target(minor, interpreter.version if interpreter else f"{minor}.0")

    def _wheels(self, target: Target) -> list[tuple[Package, PackageWheel]]:
        try:
            return [(package, self._wheel(package, source, target)) for package, source in target.select(self.lock)]
        except PylockSelectError as error:
            raise EnvironmentBuildError(f"nothing to install on Python {target.minor} here: {error}") from error

    def _wheel(self, package: Package, source: Source, target: Target) -> PackageWheel:
        if isinstance(source, PackageWheel) or _is_wheel_archive(source):
            here = local_file(source, self.builder.directory)
            return self._bundled(here) if here else PackageWheel(url=source.url, hashes=source.hashes)
        return self._bundled(self.builder.build(package, source, target, self.interpreters.get(target.minor)))

    def _bundled(self, file: Path) -> PackageWheel:
        sha256 = file_sha256(file)
        path = f"{BUNDLE}/{sha256}/{file.name}"
        self.bundled[path] = file
        return PackageWheel(path=path, hashes={"sha256": sha256})

    def _portable(
        self, package: Package, chosen: Mapping[Target, Sequence[tuple[Package, PackageWheel]]]
    ) -> Package | None:
        web = [wheel for wheel in package.wheels or () if is_web(wheel.url)]
        own = {wheel.path or wheel.url: wheel for wheels in chosen.values() for p, wheel in wheels if p is package}
        added = [wheel for place, wheel in own.items() if place not in {w.url for w in web}]
        wheels = [*web, *added]
        if wheels:  # nothing is ever built at load, so that a source would only take up room
            return replace(package, wheels=wheels, sdist=None, archive=None, directory=None, vcs=None, index=None)
        return package if package.sdist and is_web(package.sdist.url) else None


def _is_wheel_archive(source: Source) -> bool:
    return isinstance(source, PackageArchive) and (source.url or source.path or "").split("#")[0].endswith(".whl")


def _by_minor(interpreters: Sequence[Interpreter]) -> dict[str, Interpreter]:
    found: dict[str, Interpreter] = {}
    for interpreter in interpreters:
        found.setdefault(interpreter.minor, interpreter)
    return found


def _covers(lock: Pylock, minor: str) -> bool:
    environment = Target(minor, f"{minor}.0").environment
    return any(marker.evaluate({**environment}) for marker in lock.environments or ())
