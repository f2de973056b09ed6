"""What the operating system knows of a process. Linux tells it in ``/proc``; elsewhere the answers are unknown."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def is_stopped(pid: int) -> bool:
    """Whether a signal such as SIGSTOP has stopped the process, or a debugger has."""
    return _stat(pid, 0) in ("T", "t")


def resident_bytes(pid: int) -> int | None:
    """Bytes of memory that the process has in use, shared ones included; `None` when that is unknown."""
    pages = _stat(pid, 21)
    return int(pages) * _PAGE if pages else None


def peak_bytes(pid: int) -> int:
    """The most bytes of memory that the process had in use since its program began; 0 when that is unknown."""
    for line in _read(f"/proc/{pid}/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def oom_kills() -> int:
    """How often the system has killed a process for want of memory since it started; 0 when that is unknown."""
    for line in _read("/proc/vmstat").splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def _stat(pid: int, index: int) -> str:
    # The second field is the program's name, which may hold anything, even parentheses.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[index] if index < len(fields) else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
