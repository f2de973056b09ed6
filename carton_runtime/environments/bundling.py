"""Making a lock portable: what it finds on this machine only goes into the carton."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.pylock import Package, PackageArchive, PackageWheel, Pylock, PylockSelectError

from carton_runtime.environments.carton_lock import write_carton_lock
from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.resolving import write_pylock
from carton_runtime.environments.targets import Source, Target
from carton_runtime.environments.wheels import WheelBuilder, file_sha256, is_web, is_wheel, local_file
from carton_runtime.errors import EnvironmentBuildError

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


@dataclass(frozen=True)
class _Chosen:
    package: Package
    wheel: PackageWheel


@dataclass(frozen=True)
class Bundler:
    """Turns what uv resolved into what goes into a carton.

    Attributes:
        lock: what uv resolved.
        builder: makes wheels of packages that come as source only.
        pythons: the interpreters that can do so, by their version's first two numbers.
    """

    lock: Pylock
    builder: WheelBuilder
    pythons: Mapping[str, Interpreter]
    _bundled: dict[str, Path] = field(default_factory=dict)

    def bundle(self, requirements: str, targets: Sequence[Target]) -> Lock:
        """The lock of `requirements` for those of `targets` for which each package has a wheel, or can be made one.

        Raises:
            EnvironmentBuildError: there is no such target.
            IntegrityError: a source is not what its index promised.
        """
        chosen = self._choose_for_each(targets)
        entries = [(target, [choice.wheel for choice in choices]) for target, choices in chosen.items()]
        every = [choice for choices in chosen.values() for choice in choices]
        packages = [portable for package in self.lock.packages if (portable := _portable(package, every))]
        served = [marker for marker in self.lock.environments or () if any(map(marker.evaluate, _markers(chosen)))]
        pylock = write_pylock(replace(self.lock, packages=packages, environments=served))
        return Lock(pylock, write_carton_lock(requirements, entries), dict(self._bundled))

    def _choose_for_each(self, targets: Sequence[Target]) -> dict[Target, list[_Chosen]]:
        chosen: dict[Target, list[_Chosen]] = {}
        for target in targets:
            try:
                chosen[target] = self._choose(target)
            except EnvironmentBuildError as error:
                if target is targets[-1] and not chosen:
                    raise
                self.builder.running.say(f"Python {target.minor} is left out: {error}")
        return chosen

    def _choose(self, target: Target) -> list[_Chosen]:
        try:
            selected = list(target.select(self.lock))
        except PylockSelectError as error:
            raise EnvironmentBuildError(
                f"not all packages can be installed on Python {target.minor}: {error}"
            ) from error
        return [_Chosen(package, self._wheel(package, source, target)) for package, source in selected]

    def _wheel(self, package: Package, source: Source, target: Target) -> PackageWheel:
        match source:
            case PackageWheel() | PackageArchive() if is_wheel(source):
                here = local_file(source, self.builder.directory)
                return self._keep(here) if here else PackageWheel(url=source.url, hashes=source.hashes)
            case _:
                return self._keep(self.builder.build(package, source, target, self.pythons.get(target.minor)))

    def _keep(self, file: Path) -> PackageWheel:
        sha256 = file_sha256(file)
        path = f"{BUNDLE}/{sha256}/{file.name}"
        self._bundled[path] = file
        return PackageWheel(path=path, hashes={"sha256": sha256})


def _markers(targets: Iterable[Target]) -> list[dict[str, str]]:
    return [target.markers for target in targets]


def _portable(package: Package, chosen: Sequence[_Chosen]) -> Package | None:
    """The package with wheels that others can get, too; `None` when only this machine has it and nothing needs it."""
    wheels = [wheel for wheel in package.wheels or () if is_web(wheel.url)]
    for wheel in (choice.wheel for choice in chosen if choice.package is package):
        if not any((wheel.url, wheel.path) == (other.url, other.path) for other in wheels):
            wheels.append(wheel)
    if wheels:  # nothing is ever built at load, so that a source would only take up room
        return replace(package, wheels=wheels, sdist=None, archive=None, directory=None, vcs=None, index=None)
    return replace(package, index=None) if package.sdist and is_web(package.sdist.url) else None
