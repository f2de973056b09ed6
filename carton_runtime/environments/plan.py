"""Decisions about environments that need nothing but their arguments."""

from __future__ import annotations

import hashlib

from carton_runtime.environments.inspection import Interpreter
from carton_runtime.format.versionreq import VersionReq

_MINORS = range(8, 15)
_PATCHES = range(41)


def python_minors(requirement: VersionReq) -> tuple[str, ...]:
    """Which of Python 3.8 to 3.14 have a release that `requirement` accepts, oldest first."""
    return tuple(
        f"3.{minor}" for minor in _MINORS if any(requirement.matches(f"3.{minor}.{patch}") for patch in _PATCHES)
    )


def with_numpy(requirements: str) -> str:
    """`requirements`, with a line for numpy when no line requires it: tensors are numpy arrays in every model."""
    from carton_runtime.environments.requirements import required_name

    if any(required_name(line) == "numpy" for line in requirements.splitlines()):
        return requirements
    separator = "" if not requirements or requirements.endswith("\n") else "\n"
    return f"{requirements}{separator}numpy\n"


def environment_digest(lock: bytes, interpreter: Interpreter, platform: str) -> str:
    """What an environment is known by: the hex sha256 of all that decides about its content."""
    digest = hashlib.sha256()
    parts = (lock, str(interpreter.path).encode(), interpreter.version.encode(), interpreter.implementation.encode())
    for part in (*parts, platform.encode()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
