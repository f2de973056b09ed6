"""Installing what a lock says into an environment."""

from __future__ import annotations

import tempfile
from pathlib import Path

from packaging.pylock import Package, PackageWheel, Pylock

from carton_runtime.environments.resolving import write_pylock
from carton_runtime.environments.uv import index_flags, run_uv
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import Step
from carton_runtime.settings import Settings

_FLAGS = ("--no-build", "--require-hashes", "--allow-empty-requirements", "--no-python-downloads")


def install(python: Path, lock: Pylock, settings: Settings, running: Step) -> None:
    """Install what `lock` says into the environment of `python`; hashes are verified and nothing is built.

    Wheels come from uv's cache when all are there. Otherwise they come from the URLs in the lock or, when the settings
    name an index in place of the default one, from that index.

    Raises:
        EnvironmentBuildError: a wheel cannot be had, or is not what its hash promised.
    """
    # In the environment itself: what is left when this process is killed goes with the half of it that is there.
    with tempfile.TemporaryDirectory(prefix=".install-", dir=python.parent.parent) as folder:
        pylock, pinned = Path(folder, "pylock.toml"), Path(folder, "requirements.txt")
        pylock.write_bytes(write_pylock(lock))
        sync = ("pip", "sync", "--python", python, *_FLAGS, "--preview-features", "pylock")
        if _succeeds(*sync, "--offline", pylock):  # online, uv asks for each URL again even when it has the wheel
            return
        flags, remark = index_flags(settings), "the packages cannot be installed"
        if settings.index_url:
            pinned.write_text(_pinned(lock), encoding="utf-8")
            if _succeeds(*sync, *flags, pinned, step=running):
                return
        run_uv(*sync, *flags, pylock, step=running, remark=remark)


def _succeeds(*arguments: str | Path, step: Step | None = None) -> bool:
    try:
        run_uv(*arguments, step=step)
    except EnvironmentBuildError:
        return False
    return True


def _pinned(lock: Pylock) -> str:
    """What `lock` says to install, as names, versions and hashes, which any index can serve."""
    return "".join(_line(package, wheel) for package in lock.packages for wheel in package.wheels or ())


def _line(package: Package, wheel: PackageWheel) -> str:
    place = f" @ {Path(wheel.path).as_uri()}" if wheel.path else f"=={package.version}"
    return f"{package.name}{place} --hash=sha256:{wheel.hashes['sha256']}\n"
