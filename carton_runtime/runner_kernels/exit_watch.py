"""Notice the end of a process without polling, and leave nothing of its session behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple

from carton_runtime.runner_kernels.death import Exit
from carton_runtime.runner_kernels.proc import oom_kills


def call_when_exited(popen: subprocess.Popen[bytes], tell: Callable[[Exit], None]) -> None:
    """Call `tell` on the running loop once the process has ended and was reaped, and its process group was killed."""
    loop = asyncio.get_running_loop()
    before = _Before(oom_kills(), _peak(resource.getrusage(resource.RUSAGE_SELF)))
    descriptor = _pidfd(popen.pid)
    if descriptor is None:
        threading.Thread(target=_wait, args=(popen, loop, tell, before), name=f"wait-{popen.pid}", daemon=True).start()
        return

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        tell(_reap(popen, before))

    loop.add_reader(descriptor, ended)


class _Before(NamedTuple):
    """How things were when the process was started."""

    oom_kills: int
    our_peak: int


def _pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable at the end of the process; `None` where there is no such thing."""
    with contextlib.suppress(AttributeError, OSError):  # not Linux; or all descriptors are in use
        return os.pidfd_open(pid)
    return None


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone already
        os.killpg(pid, signal.SIGKILL)


def _reap(popen: subprocess.Popen[bytes], before: _Before) -> Exit:
    # The group goes before the leader is reaped: until then the number is nobody else's.
    kill_group(popen.pid)
    try:
        _, status, usage = os.wait4(popen.pid, 0)
    except ChildProcessError:  # reaped already, by something in this process that waits for any child
        popen.returncode = 0
        return Exit(None, None, oom_kills() > before.oom_kills)
    popen.returncode = os.waitstatus_to_exitcode(status)
    # Linux lets a process inherit the peak of the one that started it: what is not above that says nothing.
    peak = _peak(usage) if _peak(usage) > before.our_peak else None
    return Exit(popen.returncode, peak, oom_kills() > before.oom_kills)


def _peak(usage: resource.struct_rusage) -> int:
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2): macOS counts bytes, Linux kilobytes
    return usage.ru_maxrss * unit


def _wait(
    popen: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop, tell: Callable[[Exit], None], before: _Before
) -> None:
    """Where there is no pidfd (macOS for one), a thread waits."""
    with contextlib.suppress(ChildProcessError):  # reaped already
        os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
    exited = _reap(popen, before)
    with contextlib.suppress(RuntimeError):  # the loop is closed: the interpreter is going down
        loop.call_soon_threadsafe(tell, exited)
