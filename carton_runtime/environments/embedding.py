"""Have a lock install from wheels that lie beside it, so that nothing has to be fetched."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

import tomli_w
from packaging.pylock import Package, PackageArchive, PackageWheel, PylockSelectError

from carton_runtime.environments.bundling import BUNDLE
from carton_runtime.environments.locked import from_carton_lock, from_pylock
from carton_runtime.environments.recipe import Recipe
from carton_runtime.environments.resolving import parse_pylock, write_pylock
from carton_runtime.environments.targets import Source, Target
from carton_runtime.environments.wheels import is_web, is_wheel
from carton_runtime.errors import EnvironmentBuildError, FormatError
from carton_runtime.format.paths import safe_path


@dataclass(frozen=True)
class Wheel:
    """A wheel that is to lie beside the lock.

    Attributes:
        path: where, relative to the ``.carton/`` folder.
        url: where it can be fetched.
        sha256: its hash, in hex.
    """

    path: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Embedded:
    """What changes in a model's ``.carton/`` folder.

    Attributes:
        recipe: what decides which packages the model gets.
        wheels: the wheels that are to be fetched; others are there already.
    """

    recipe: Recipe
    wheels: Sequence[Wheel]


def embed(recipe: Recipe, targets: Sequence[Target]) -> Embedded:
    """Rewrite locks so that what they say to install on `targets` lies beside them.

    What they say for other machines stays: there, packages come from the web as before.

    Args:
        recipe: the locks; ``folder`` does not matter.
        targets: Pythons on this machine; those that no lock serves are left out.

    Raises:
        EnvironmentBuildError: no lock tells all that any of `targets` needs.
    """
    found: dict[str, Wheel] = {}
    reasons = []
    for target in targets:
        try:
            chosen = _chosen(recipe, target)
        except EnvironmentBuildError as error:
            reasons.append(f"Python {target.minor}: {error}")
        else:
            found |= {wheel.sha256: wheel for wheel in map(_wheel, chosen) if wheel is not None}
    if len(reasons) == len(targets):
        raise EnvironmentBuildError(f"what the carton pins serves no Python on this platform: {'; '.join(reasons)}")
    pylock = recipe.pylock and _rewritten_pylock(recipe.pylock, found)
    carton_lock = recipe.carton_lock and _rewritten_carton_lock(recipe.carton_lock, found)
    return Embedded(replace(recipe, pylock=pylock, carton_lock=carton_lock), [*found.values()])


def _chosen(recipe: Recipe, target: Target) -> list[PackageWheel | PackageArchive]:
    """What is installed on a target: as our lock says if that can be used, and else the original's, as at loading."""
    reasons = []
    for read in (from_pylock, from_carton_lock):
        try:
            packages = list(target.select(read(recipe, target)))
            return [_checked(package, source) for package, source in _with_numpy(packages)]
        except (EnvironmentBuildError, FormatError, PylockSelectError) as error:
            reasons.append(str(error))
    raise EnvironmentBuildError("; ".join(reasons))


def _with_numpy(packages: list[tuple[Package, Source]]) -> list[tuple[Package, Source]]:
    """The packages, if numpy is among them: otherwise it would be fetched at loading."""
    if not any(package.name == "numpy" for package, _ in packages):
        raise EnvironmentBuildError("the lock lacks numpy")
    return packages


def _checked(package: Package, source: Source) -> PackageWheel | PackageArchive:
    if not isinstance(source, PackageWheel | PackageArchive) or not is_wheel(source) or "sha256" not in source.hashes:
        raise EnvironmentBuildError(f"the lock has no wheel of {package.name} with a sha256")
    if not source.path and not is_web(source.url):
        raise EnvironmentBuildError(f"the lock has a wheel of {package.name} in a place that is no web server")
    return source


def _wheel(source: PackageWheel | PackageArchive) -> Wheel | None:
    """The wheel to fetch; `None` for one that lies beside the lock already."""
    if source.path or not source.url:
        return None
    sha256, name = source.hashes["sha256"], unquote(urlsplit(source.url).path).rsplit("/", 1)[-1]
    return Wheel(safe_path(f"{BUNDLE}/{sha256}/{name}", where="the carton's lock"), source.url, sha256)


def _rewritten_pylock(data: bytes, wheels: Mapping[str, Wheel]) -> bytes:
    lock = parse_pylock(data.decode(errors="replace"), ".carton/pylock.toml")
    return write_pylock(replace(lock, packages=[_beside(package, wheels) for package in lock.packages]))


def _beside(package: Package, wheels: Mapping[str, Wheel]) -> Package:
    listed: list[PackageWheel | PackageArchive] = [*(package.wheels or ()), *filter(None, [package.archive])]
    if not any(source.hashes.get("sha256") in wheels for source in listed):
        return package
    changed = [_moved(source, wheels) for source in listed]
    return replace(package, wheels=changed, archive=None, index=None)


def _moved(source: PackageWheel | PackageArchive, wheels: Mapping[str, Wheel]) -> PackageWheel:
    wheel = wheels.get(source.hashes.get("sha256", ""))
    place = {"url": source.url, "path": source.path} if wheel is None else {"path": wheel.path}
    return PackageWheel(**place, hashes=source.hashes)


def _rewritten_carton_lock(data: bytes, wheels: Mapping[str, Wheel]) -> bytes:
    lock = tomllib.loads(data.decode())
    for dependency in _dependencies(lock):
        if (wheel := wheels.get(dependency.get("sha256", ""))) is not None and dependency.pop("url", None):
            dependency["bundled_whl_path"] = f".carton/{wheel.path}"
    return tomli_w.dumps(lock).encode()


def _dependencies(lock: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in lock.get("lockfile", ()):
        yield from entry.get("locked_deps", ())
