"""What the operating system knows of a process. Linux tells it in ``/proc``; elsewhere the answers are unknown."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def is_stopped(pid: int) -> bool:
    """Whether a signal such as SIGSTOP has stopped the process, or a debugger has."""
    return _stat(pid, 0) in ("T", "t")


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have; none where that is unknown."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(_PROC / str(waiting.pop()) / "task")
        found += children
        waiting += children
    return found


def resident_bytes(pid: int) -> int | None:
    """Bytes of memory that the process has in use, shared ones included; `None` when that is unknown."""
    pages = _stat(pid, 21)
    return int(pages) * _PAGE if pages else None


def proportional_bytes(pid: int) -> int | None:
    """As `resident_bytes`, but what n processes share counts for an n-th; takes as long as the process is large."""
    return _field(_PROC / str(pid) / "smaps_rollup", "Pss:")


def private_data_bytes(pid: int) -> int | None:
    """What the system counts for RLIMIT_DATA: private and writable, in use or not; `None` when that is unknown."""
    return _field(_PROC / str(pid) / "status", "VmData:")


def peak_bytes(pid: int) -> int:
    """The most bytes of memory that the process had in use since its program began; 0 when that is unknown."""
    return _field(_PROC / str(pid) / "status", "VmHWM:") or 0


def oom_kills() -> int:
    """How often the system has killed a process for want of memory since it started; 0 when that is unknown."""
    for line in _read(_PROC / "vmstat").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def _children(threads: Path) -> list[int]:
    try:
        return [int(text) for thread in threads.iterdir() for text in _read(thread / "children").split()]
    except OSError:  # it ended meanwhile
        return []


def _field(path: Path, name: str) -> int | None:
    """An amount of memory, which such files give in kB."""
    for line in _read(path).splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None


def _stat(pid: int, index: int) -> str:
    # The second field is the program's name, which may hold anything, even parentheses.
    fields = _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    return fields[index] if index < len(fields) else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
