"""The process that was started for a kernel: our ends of its connections, and how to end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess

from carton_runtime._child.carton_wire.pipes import Pipes
from carton_runtime.background import background_loop
from carton_runtime.runner_kernels.exit_watch import kill_group
from carton_runtime.runner_kernels.proc import is_stopped

_PATIENCE = 5.0  # seconds that a guardian may take to end its kernel


class KernelProcess:
    """A started process: first an interpreter that starts, then the guardian of the kernel that it has forked.

    Attributes:
        popen: the process.
        calls: carries the messages; closed by the channel, which knows who uses it.
        control: carries signals; that it is open tells the guardian that we live.
        memory: passes the descriptors of shared memory.
        kernel: the number of the kernel, once that has greeted us, so that the process is its guardian.
    """

    def __init__(
        self, popen: subprocess.Popen[bytes], calls: Pipes, control: socket.socket, memory: socket.socket
    ) -> None:
        self.popen = popen
        self.calls = calls
        self.control = control
        self.memory = memory
        self.kernel: int | None = None
        self._insisting: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def has_ended(self) -> bool:
        """Whether it has ended and was reaped."""
        return self.popen.returncode is not None

    def end(self) -> None:
        """Have the kernel and all that it started ended at once; from any thread, without waiting."""
        with contextlib.suppress(OSError):  # it is closed already
            self.control.shutdown(socket.SHUT_RDWR)  # which tells the guardian
        if self.kernel is not None:
            background_loop().call_soon_threadsafe(self._insist)
        else:
            self._kill()

    def wake_guardian(self) -> None:
        """Have a guardian that was stopped go on: it has nothing to wait for, and would see no end; on the loop."""
        if self.kernel is not None and not self.has_ended and is_stopped(self.popen.pid):
            os.kill(self.popen.pid, signal.SIGCONT)

    def _insist(self) -> None:
        """See that the guardian does what it is for."""
        self.wake_guardian()
        if self._insisting is None and not self._is_closed:
            self._insisting = background_loop().call_later(_PATIENCE, self._kill)

    def _kill(self) -> None:
        if not self.has_ended:  # afterwards the number may be somebody else's
            kill_group(self.popen.pid)

    def replace_guardian(self) -> None:
        """End what is left of the kernel's group after somebody has killed the guardian, which could not do it."""
        if self.kernel is not None:
            kill_group(self.kernel)

    def abandon(self) -> None:
        """End and close a process that nobody has got to use, waiting for its end."""
        self._kill()
        self.popen.wait()
        self.close()
        self.calls.close()

    def close(self) -> None:
        """Close our ends, but that of `calls`."""
        self._is_closed = True
        if self._insisting is not None:
            self._insisting.cancel()
        for end in (self.control, self.memory, self.popen.stdout, self.popen.stderr):
            if end is not None:
                end.close()
