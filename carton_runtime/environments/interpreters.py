"""The Pythons on this machine, which one a carton gets, and what to do when there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

from carton_runtime.environments.candidates import candidate_paths
from carton_runtime.environments.downloads import install_newest
from carton_runtime.environments.inspection import Interpreter, inspect, running_interpreter
from carton_runtime.environments.plan import python_minors
from carton_runtime.errors import EnvironmentBuildError, InterpreterNotFoundError
from carton_runtime.events import OnEvent
from carton_runtime.format.versionreq import VersionReq
from carton_runtime.settings import Settings, inherited_environment

__all__ = ["Interpreter", "choose_interpreter", "ensure_interpreter", "find_interpreters"]

_OLDEST = (3, 8)


def find_interpreters(settings: Settings) -> tuple[Interpreter, ...]:
    """Every CPython from 3.8 up on this machine, each once: the running one, then the newest first.

    Interpreters are looked for where the settings say, under pyenv, under uv and on ``PATH``. The first call runs each
    once; later ones only read what it wrote down in the cache directory.
    """
    running = running_interpreter()
    paths = [path for path in candidate_paths(settings.interpreters, inherited_environment()) if path != running.path]
    others = inspect(paths, settings.cache_dir / "interpreters.json")
    newest_first = sorted(others, key=lambda interpreter: _numbers(interpreter.version), reverse=True)
    found = {interpreter.path: interpreter for interpreter in (running, *newest_first)}
    return tuple(interpreter for interpreter in found.values() if _is_usable(interpreter))


def choose_interpreter(requirement: VersionReq, available: Sequence[Interpreter]) -> Interpreter | None:
    """The best of `available` for `requirement`: the running one if it fits, else the newest that does."""
    fitting = [interpreter for interpreter in available if requirement.matches(interpreter.version)]
    running = running_interpreter()
    if running in fitting:
        return running
    return max(fitting, key=lambda interpreter: _numbers(interpreter.version), default=None)


def ensure_interpreter(requirement: VersionReq, settings: Settings, on_event: OnEvent | None = None) -> Interpreter:
    """The best interpreter for `requirement`; where there is none, and the settings allow it, uv downloads one.

    Raises:
        InterpreterNotFoundError: there is none, and none could be downloaded; the message says what to do.
    """
    available = find_interpreters(settings)
    if chosen := choose_interpreter(requirement, available):
        return chosen
    wanted = _oldest_wanted(requirement)
    if wanted is None:
        raise InterpreterNotFoundError(_why_there_is_none(requirement))
    why = _download(requirement, settings, on_event)
    chosen = None if why else choose_interpreter(requirement, find_interpreters(settings))
    if chosen is None:
        raise InterpreterNotFoundError(
            _how_to_get_one(requirement, wanted, available, why or "the download left nothing usable")
        )
    return chosen


def _download(requirement: VersionReq, settings: Settings, on_event: OnEvent | None) -> str:
    if settings.offline:
        return "the settings say offline, so none was downloaded"
    if not settings.python_downloads:
        return "the settings forbid downloading one"
    try:
        return "" if install_newest(requirement, on_event) else "uv knows none to download in that range"
    except EnvironmentBuildError as error:
        return f"downloading one failed: {error}"


def _why_there_is_none(requirement: VersionReq) -> str:
    return (
        f"the model asks for Python {requirement}; Carton needs Python 3.8 or newer, and none of those fits.\n"
        "Pack the model for a newer Python or, if it may run on one as it is, load it with another requirement, "
        'such as override_required_framework_version=">=3.8"'
    )


def _how_to_get_one(requirement: VersionReq, wanted: str, available: Sequence[Interpreter], why: str) -> str:
    there = ", ".join(f"{interpreter.version} ({interpreter.path})" for interpreter in available)
    return (
        f"no Python {requirement} on this machine; there is {there}. Besides, {why}.\n"
        "To get one, do any of these:\n"
        f"  - run `uv python install {next(reversed(python_minors(requirement)), wanted)}`\n"
        "  - where the usual downloads cannot be reached, set UV_PYTHON_INSTALL_MIRROR to a mirror of them, "
        "or UV_PYTHON_DOWNLOADS_JSON_URL to a list of your own, and load again\n"
        "  - name the path of an interpreter in CARTON_INTERPRETERS, or in `interpreters` of the configuration file"
    )


def _oldest_wanted(requirement: VersionReq) -> str | None:
    """The oldest Python from 3.8 up that `requirement` accepts, released or not, as people would write it."""
    # What a range begins with is made of the numbers that it names, of their successors, and of the least there are.
    named = {int(number) for number in re.findall(r"\d+", str(requirement))}
    numbers = sorted({0, *_OLDEST, *named, *(number + 1 for number in named)})
    for version in product(numbers, repeat=3):
        if version >= _OLDEST and requirement.matches(".".join(map(str, version))):
            return ".".join(map(str, version if version[2] else version[:2]))
    return None


def _is_usable(interpreter: Interpreter) -> bool:
    return interpreter.implementation == "cpython" and _numbers(interpreter.version)[:2] >= _OLDEST


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split("+", maxsplit=1)[0].split("."))
