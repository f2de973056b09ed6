"""Letting uv download a Python."""

from __future__ import annotations

import json
from typing import Any

from carton_runtime.environments.uv import run_uv
from carton_runtime.errors import VersionReqError
from carton_runtime.events import OnEvent, step
from carton_runtime.format.versionreq import VersionReq, normalise_version


def install_newest(requirement: VersionReq, on_event: OnEvent | None = None) -> bool:
    """Install the newest CPython that uv can download for `requirement`; false when it knows none.

    Raises:
        EnvironmentBuildError: the download failed.
    """
    listed = run_uv("python", "list", "--all-versions", "--only-downloads", "--output-format", "json")
    key = newest_download(requirement, json.loads(listed))
    if key is None:
        return False
    with step("environment.python", f"Downloading {key}", on_event=on_event) as running:
        run_uv("python", "install", "--no-bin", key, step=running, remark=f"Python {key} cannot be downloaded")
    return True


def newest_download(requirement: VersionReq, listed: list[dict[str, Any]]) -> str | None:
    """The key of the newest ordinary CPython in uv's list that `requirement` accepts."""
    fitting = [entry for entry in listed if _is_ordinary(entry) and _fits(requirement, entry["version"])]
    newest = max(fitting, key=lambda entry: tuple(entry["version_parts"].values()), default=None)
    return str(newest["key"]) if newest else None


def _is_ordinary(entry: dict[str, Any]) -> bool:
    return entry.get("implementation") == "cpython" and entry.get("variant") == "default"


def _fits(requirement: VersionReq, version: str) -> bool:
    try:
        return requirement.matches(normalise_version(version))
    except VersionReqError:
        return False
