"""The one place that runs uv."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import uv as uv_distribution

from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.events import Step
from carton_runtime.settings import Settings, inherited_environment

# These would contradict the flags that we pass; all other variables of the user's hold (indexes, mirrors, certificates)
_CONTRADICTING = {
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_TARGET",
    "UV_PREFIX",
    "UV_PROJECT",
    "UV_WORKING_DIR",
    "UV_NO_BINARY",
}

_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_DOWNLOADING = re.compile(r"^\s*Downloading (\S+) \(([\d.]+)([KMG]iB|B)\)")
_DOWNLOADED = re.compile(r"^\s*Downloaded (\S+)")
_TAIL = 40
_PROGRESS = re.compile(
    r"Using C?Python \d|Creating virtual environment |(Resolved|Prepared|Audited) \d+ package"
    r"|\s*(Downloading|Downloaded|Building|Built) \S+( \([\d.]+([KMG]i)?B\)| @ .*)?$"
)
"""What uv says of how it gets on; nothing of that explains a failure."""


def run_uv(
    *arguments: str | Path,
    step: Step | None = None,
    directory: Path | None = None,
    stdin: str = "",
    remark: str = "uv failed",
) -> str:
    """Run uv, pass its lines on to `step` as they come, and return what it printed.

    Args:
        arguments: everything after the program's name.
        step: told each line of uv's, and the bytes that it downloads.
        directory: the working directory, which relative paths in requirements start from.
        stdin: what uv reads from its input.
        remark: what failed, for people, when uv fails.

    Raises:
        EnvironmentBuildError: uv cannot be started, or ended with an error; its own words are in the message.
    """
    command = ["uv", "--color", "never", *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+") as printed:
        given.write(stdin)
        given.seek(0)
        try:
            process = _start(command, given, printed, directory)
        except OSError as error:
            raise EnvironmentBuildError(
                f"{remark}: uv cannot be started", command=command, stderr=str(error)
            ) from error
        if said := _attend(process, step):
            raise EnvironmentBuildError(remark, command=command, stderr=said)
        printed.seek(0)
        return printed.read()


def index_flags(settings: Settings) -> tuple[str, ...]:
    """The flags that tell uv where packages come from."""
    flags = [flag for place in settings.find_links for flag in ("--find-links", _absolute(place))]
    flags += [flag for url in settings.extra_index_urls for flag in ("--index", url)]
    flags += ["--default-index", settings.index_url] if settings.index_url else []
    return (*flags, "--offline") if settings.offline else tuple(flags)


def _absolute(place: str) -> str:
    return place if "://" in place else str(Path(place).expanduser().absolute())


def _start(command: Sequence[str], given: IO[str], printed: IO[str], directory: Path | None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [uv_distribution.find_uv_bin(), *command[1:]],
        stdin=given,
        stdout=printed,
        stderr=subprocess.PIPE,
        cwd=directory,
        env=_environment(),
        text=True,
        errors="replace",
    )


def _attend(process: subprocess.Popen[str], step: Step | None) -> str:
    """Listen until the process ends; the last of what it said when it failed, empty when it did not."""
    with process:
        try:
            tail = _listen(process.stderr or (), step)
        except BaseException:
            process.kill()
            raise
    return (tail or f"it ended with exit code {process.returncode}") if process.returncode else ""


def _listen(lines: Iterable[str], step: Step | None) -> str:
    tail: deque[str] = deque(maxlen=_TAIL)
    sizes: dict[str, int] = {}
    for line in lines:
        if not _PROGRESS.match(line):
            tail.append(line.rstrip())
        if step is not None and line.strip():
            step.advance(_newly_downloaded(line, sizes), line.strip())
    return "\n".join(tail).strip()


def _newly_downloaded(line: str, sizes: dict[str, int]) -> int:
    if begun := _DOWNLOADING.match(line):
        sizes[begun[1]] = int(float(begun[2]) * _UNITS[begun[3]])
    ended = _DOWNLOADED.match(line)
    return sizes.pop(ended[1], 0) if ended else 0


def _environment() -> dict[str, str]:
    inherited = inherited_environment().items()
    return {name: value for name, value in inherited if name not in _CONTRADICTING and not name.startswith("PYTHON")}
