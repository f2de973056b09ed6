"""Look after a kernel while somebody waits for it: is it stopped, is it too large, does it hear us?"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

from carton_runtime._child.carton_wire.control import Signal, SignalReader, send_signal
from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime.runner_kernels.proc import is_stopped, peak_bytes, resident_bytes

BEAT = 0.5
"""Seconds between two looks."""

_LONGEST_STOP = 3.0


class Heartbeat:
    """Watches one kernel on the background loop.

    A kernel that is *stopped* (by SIGSTOP, say) for three seconds while somebody waits for it is ended; one that is
    *busy* is left alone, even if native code keeps it from answering: no time is too long for a model that computes.

    Args:
        pid: the process.
        control: the control socket; non-blocking from now on.
        memory_limit: bytes that the process may have in use.
        kill: ends the kernel, for the reason given.

    Attributes:
        memory: bytes that the process had in use when last looked at.
        peak_memory: the most that it had by then; 0 when that is unknown.
        waiting: calls that wait for others, as the kernel said when it was asked.
    """

    def __init__(self, pid: int, control: socket.socket, memory_limit: int | None, kill: Callable[[str], None]) -> None:
        control.setblocking(False)
        self._pid = pid
        self._control = control
        self._reader = SignalReader(control)
        self._memory_limit = memory_limit
        self._kill = kill
        self._stopped_since: float | None = None
        self._heard = time.monotonic()
        self.memory: int | None = None
        self.peak_memory = 0
        self.waiting: set[int] = set()

    @property
    def silence(self) -> float:
        """Seconds since the kernel was last heard; a few, while native code holds the interpreter's lock."""
        return time.monotonic() - self._heard

    def signal(self, kind: Signal, call: int = 0) -> None:
        """Send a signal; a kernel that does not listen is dealt with by whoever waits for the effect."""
        with contextlib.suppress(OSError):
            send_signal(self._control, kind, call)

    async def run(self, is_wanted: Callable[[], bool]) -> None:
        """Watch until cancelled.

        Args:
            is_wanted: whether somebody waits for the kernel.
        """
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control, self._hear)
        try:
            while True:
                await asyncio.sleep(BEAT)
                self._look(is_wanted())
        finally:
            loop.remove_reader(self._control)

    def look_at_memory(self) -> None:
        """See how much memory the process has in use."""
        self.memory = resident_bytes(self._pid)
        self.peak_memory = max(self.peak_memory, peak_bytes(self._pid))

    def _look(self, is_wanted: bool) -> None:
        self.look_at_memory()
        if self._memory_limit is not None and (self.memory or 0) > self._memory_limit:
            self._kill(f"it used more memory than its limit of {self._memory_limit / 1e6:,.0f} MB")
        if not is_wanted or not is_stopped(self._pid):
            self._stopped_since = None
            if is_wanted:
                self.signal(Signal.PING)
            return
        self._stopped_since = self._stopped_since or time.monotonic()
        if time.monotonic() - self._stopped_since > _LONGEST_STOP:
            self._kill(f"it was stopped (by SIGSTOP, or a debugger) for {_LONGEST_STOP:g} s while it was needed")

    def _hear(self) -> None:
        try:
            records = self._reader.receive()
        except BlockingIOError:
            return
        except (OSError, WireError):
            records = None
        self._heard = time.monotonic()
        if records is None:
            asyncio.get_running_loop().remove_reader(self._control)
            return
        self.waiting.update(call for kind, call in records if kind is Signal.WAITS)
