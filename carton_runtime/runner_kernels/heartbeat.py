"""Look after a kernel while somebody waits for it: is it stopped, is it too large, does it hear us?"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

from carton_runtime._child.carton_wire.control import Signal, SignalReader, send_signal
from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime.runner_kernels.proc import descendants, is_stopped, peak_bytes, proportional_bytes, resident_bytes

BEAT = 0.5
"""Seconds between two looks."""

_LONGEST_STOP = 3.0


class Heartbeat:
    """Watches one kernel on the background loop.

    A kernel that is *stopped* (by SIGSTOP, say) for three seconds while somebody waits for it is ended; one that is
    *busy* is left alone, even if native code keeps it from answering: no time is too long for a model that computes.

    The memory limit is for all processes that there are of a model, its own and those that it has started. What they
    share counts once: where it matters, which is when the simple sum is above the limit.

    Args:
        guardian: the process that was started, above all those that run the model.
        control: the control socket; non-blocking from now on.
        kill: ends the kernel, for the reason given.

    Attributes:
        pid: the process of the model itself, once it has said which that is.
        memory_limit: bytes that the model's processes may have in use.
        memory: bytes that the model's processes had in use when last looked at.
        peak_memory: the most that they had by then; 0 when that is unknown.
        waiting: calls that wait for others, as the kernel said when it was asked.
    """

    def __init__(self, guardian: int, control: socket.socket, kill: Callable[[str], None]) -> None:
        control.setblocking(False)
        self.pid = guardian
        self._guardian = guardian
        self._control = control
        self._reader = SignalReader(control)
        self.memory_limit: int | None = None
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
        """See how much memory the model has in use, and end it if that is more than it may."""
        processes = descendants(self._guardian) or [self.pid]
        self.memory = _sum(resident_bytes, processes)
        self.peak_memory = max(self.peak_memory, peak_bytes(self.pid), self.memory or 0)
        if self.memory_limit is not None and (self.memory or 0) > self.memory_limit:
            self._look_closely(processes, self.memory_limit)

    def _look_closely(self, processes: list[int], limit: int) -> None:
        used = _sum(proportional_bytes, processes) or self.memory or 0
        if used > limit:
            others = len(processes) - 1
            who = f"it and the {others} processes that it started" if others else "it"
            self._kill(f"{who} used more memory than its limit of {limit / 1e6:,.0f} MB")

    def _look(self, is_wanted: bool) -> None:
        self.look_at_memory()
        if not is_wanted or not self._is_stopped():
            self._stopped_since = None
            if is_wanted:
                self.signal(Signal.PING)
            return
        self._stopped_since = self._stopped_since or time.monotonic()
        if time.monotonic() - self._stopped_since > _LONGEST_STOP:
            self._kill(f"it was stopped (by SIGSTOP, or a debugger) for {_LONGEST_STOP:g} s while it was needed")

    def _is_stopped(self) -> bool:
        if self.pid != self._guardian:
            return is_stopped(self.pid)
        # Nobody has greeted us: the interpreter that was started, or the kernel that it has forked, may be held.
        return any(map(is_stopped, [self._guardian, *descendants(self._guardian)]))

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


def _sum(bytes_of: Callable[[int], int | None], processes: list[int]) -> int | None:
    """Over those that are still there; `None` when nothing is known of any."""
    known = [size for size in map(bytes_of, processes) if size is not None]
    return sum(known) if known else None
