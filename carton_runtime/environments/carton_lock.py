"""The original Carton's ``.carton/carton.lock``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

import tomli_w
from packaging.pylock import Package, PackageWheel, Pylock
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from carton_runtime.environments.targets import ORIGINAL_MARKERS, Target
from carton_runtime.format.paths import safe_path
from carton_runtime.format.reading import Table, parse_toml

_FOLDER = ".carton/"


def write_carton_lock(requirements: str, entries: Iterable[tuple[Target, Sequence[PackageWheel]]]) -> bytes:
    """The lock as the original reads it: for each target, the wheels to install.

    Wheels are named by URL, or by a path relative to the ``.carton/`` folder.
    """
    lockfile = [
        {
            **{name: target.markers[name] for name in ORIGINAL_MARKERS},
            "locked_deps": [_dependency(w) for w in wheels],
        }
        for target, wheels in entries
    ]
    return tomli_w.dumps({"orig_deps_hash": orig_deps_hash(requirements), "lockfile": lockfile}).encode()


def orig_deps_hash(requirements: str) -> str:
    """What the original compares to learn whether its lock is still that of ``requirements.txt``."""
    return hashlib.sha256(requirements.encode()).hexdigest()


def read_carton_lock(data: bytes, markers: Mapping[str, str], where: str) -> Pylock | None:
    """What the first entry for these PEP 508 `markers` says to install; `None` when there is no such entry.

    Raises:
        FormatError: the lock is malformed.
    """
    for entry in parse_toml(data, where).tables("lockfile"):
        if all(name not in entry or entry.text(name) == value for name, value in markers.items()):
            packages = [_package(dependency) for dependency in entry.tables("locked_deps")]
            return Pylock(lock_version=Version("1.0"), created_by="carton-jupyter", packages=packages)
    return None


def _dependency(wheel: PackageWheel) -> dict[str, str]:
    place = {"bundled_whl_path": _FOLDER + wheel.path} if wheel.path else {"url": wheel.url or ""}
    return {"sha256": wheel.hashes["sha256"], **place}


def _package(dependency: Table) -> Package:
    hashes = {"sha256": dependency.text("sha256")}
    if (url := dependency.optional_text("url")) is not None:
        wheel = PackageWheel(url=url, hashes=hashes)
        name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    else:
        path = safe_path(dependency.text("bundled_whl_path"), where="bundled_whl_path")
        wheel = PackageWheel(path=path.removeprefix(_FOLDER), hashes=hashes)
        name = path.rsplit("/", 1)[-1]
    return _of_wheel(name, wheel, dependency)


def _of_wheel(file_name: str, wheel: PackageWheel, dependency: Table) -> Package:
    try:
        name, version, _, _ = parse_wheel_filename(file_name)
    except InvalidWheelFilename as error:
        raise dependency.error("url" if wheel.url else "bundled_whl_path", str(error)) from error
    return Package(name=name, version=version, wheels=[wheel])
