"""Notice the end of a process without polling, and leave nothing of its session behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable


def call_when_exited(popen: subprocess.Popen[bytes], tell: Callable[[], None]) -> None:
    """Call `tell` on the running loop once the process has ended and was reaped, and its process group was killed."""
    loop = asyncio.get_running_loop()
    if not hasattr(os, "pidfd_open"):
        threading.Thread(target=_wait, args=(popen, loop, tell), name=f"wait-{popen.pid}", daemon=True).start()
        return
    descriptor = os.pidfd_open(popen.pid)

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        # Before reaping: until then the number is nobody else's.
        kill_group(popen.pid)
        popen.wait()
        tell()

    loop.add_reader(descriptor, ended)


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone already
        os.killpg(pid, signal.SIGKILL)


def _wait(popen: subprocess.Popen[bytes], loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> None:
    """Where there is no pidfd (macOS), a thread waits."""
    popen.wait()
    kill_group(popen.pid)
    with contextlib.suppress(RuntimeError):  # the loop is closed: the interpreter is going down
        loop.call_soon_threadsafe(tell)
