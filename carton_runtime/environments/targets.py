"""What packages are chosen for: one Python version on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from packaging.markers import Environment, default_environment
from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel, Pylock
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import parse_wheel_filename

from carton_runtime.environments.inspection import Interpreter

Source = PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist

ORIGINAL_MARKERS = ("os_name", "sys_platform", "platform_machine", "platform_python_implementation", "python_version")
"""The markers that the original Carton writes into its ``carton.lock``."""


@dataclass(frozen=True)
class Target:
    """A CPython version on this machine, for choosing packages that need not run now.

    Attributes:
        minor: such as ``3.10``.
        full_version: such as ``3.10.13``.
    """

    minor: str
    full_version: str

    @classmethod
    def of(cls, interpreter: Interpreter) -> Target:
        """The target that an interpreter is."""
        return cls(interpreter.minor, interpreter.version)

    @property
    def markers(self) -> dict[str, str]:
        """Its values of the PEP 508 markers."""
        names = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
        versions = {"python_version": self.minor, "python_full_version": self.full_version}
        here = cast("dict[str, str]", default_environment())
        return {**here, **names, **versions, "implementation_version": self.full_version}

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The wheel tags that it accepts, best first."""
        major, minor = (int(part) for part in self.minor.split("."))
        platforms, own = list(platform_tags()), f"cp{major}{minor}"
        return *cpython_tags((major, minor), [own], platforms), *compatible_tags((major, minor), own, platforms)

    def accepts(self, wheel_name: str) -> bool:
        """Whether a wheel of that file name can be installed here."""
        return not parse_wheel_filename(wheel_name)[3].isdisjoint(self.tags)

    def select(self, lock: Pylock) -> Iterator[tuple[Package, Source]]:
        """What `lock` says to install here.

        Raises:
            PylockSelectError: the lock does not cover this target.
        """
        return lock.select(environment=cast("Environment", self.markers), tags=self.tags)
