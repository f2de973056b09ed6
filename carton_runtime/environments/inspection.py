"""What an interpreter says about itself; asked once and remembered."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from carton_runtime.format.versionreq import normalise_version

_LOGGER = logging.getLogger(__name__)

_ORACLE = """\
import json, os, sys
release = ".".join(map(str, sys.version_info[:3]))
stage = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(sys.version_info[3])
print(json.dumps({
    "executable": os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable),
    "version": release + (stage + str(sys.version_info[4]) if stage else ""),
    "implementation": sys.implementation.name + ("-freethreaded" if "t" in getattr(sys, "abiflags", "") else ""),
}))
"""


@dataclass(frozen=True, order=True)
class Interpreter:
    """A Python on this machine.

    Attributes:
        path: its executable; never one inside a virtual environment.
        version: its semantic version, such as ``3.10.13``.
        implementation: such as ``cpython``.
    """

    path: Path
    version: str
    implementation: str = "cpython"

    @property
    def minor(self) -> str:
        """The version's first two numbers, such as ``3.10``."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True)
class Answer:
    """What an interpreter answered, all empty when it could not be run, and the file it was when it was asked."""

    mtime_ns: int
    size: int
    executable: str = ""
    version: str = ""
    implementation: str = ""


def running_interpreter() -> Interpreter:
    """The Python that runs this process."""
    executable = getattr(sys, "_base_executable", "") or sys.executable
    info = sys.version_info
    stage = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info.releaselevel)
    text = f"{info.major}.{info.minor}.{info.micro}" + (f"{stage}{info.serial}" if stage else "")
    return Interpreter(Path(executable).resolve(), normalise_version(text), sys.implementation.name)


def inspect(paths: Iterable[Path], memory: Path) -> tuple[Interpreter, ...]:
    """What stands at each of `paths`, in that order; those that cannot be run are logged and left out.

    An answer is kept in the file `memory` for as long as the executable's size and time stay as they are, so that a
    second call runs nothing.
    """
    known = _remembered(memory)
    stamps = {path: stamp for path in paths if (stamp := _stamp(path))}
    unknown = [path for path, stamp in stamps.items() if not _still_holds(known.get(str(path)), stamp)]
    if unknown:
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="carton-inspect") as pool:
            known |= {str(path): answer for path, answer in zip(unknown, pool.map(_ask, unknown), strict=True)}
        _remember(memory, known)
    answers = (known[str(path)] for path in stamps)
    return tuple(Interpreter(Path(a.executable), a.version, a.implementation) for a in answers if a.version)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _still_holds(answer: Answer | None, stamp: tuple[int, int]) -> bool:
    return answer is not None and (answer.mtime_ns, answer.size) == stamp


def _ask(path: Path) -> Answer:
    mtime_ns, size = _stamp(path) or (0, 0)
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", _ORACLE], check=True, capture_output=True, timeout=20, stdin=subprocess.DEVNULL
        )
        said = json.loads(done.stdout)
        version = normalise_version(said["version"])
        return Answer(mtime_ns, size, said["executable"], version, said["implementation"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        _LOGGER.info("%s is left out: it does not run as a Python interpreter (%s)", path, error)
        return Answer(mtime_ns, size)


def _remembered(memory: Path) -> dict[str, Answer]:
    try:
        return {path: Answer(**answer) for path, answer in json.loads(memory.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # missing, or written by another release: everything is asked again


def _remember(memory: Path, known: Mapping[str, Answer]) -> None:
    text = json.dumps({path: asdict(answer) for path, answer in known.items()}, indent=1)
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=memory.parent, prefix=".interpreters-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(aside).replace(memory)
    except OSError as error:
        with contextlib.suppress(OSError, NameError):
            Path(aside).unlink()
        _LOGGER.warning("what interpreters there are cannot be remembered in %s: %s", memory, error)
