"""Get out of the other side's way: two processes that talk all the time do so best on two cores.

A scheduler wakes a process on the core of the one that woke it, expecting that one to sleep soon. It does not: it looks
for the answer (see `carton_wire.patience`). Then each is in the other's way, at three times the cost of a call, until
the load is balanced some milliseconds later. On virtual machines, whose idle cores look busy, it often begins so.
"""

from __future__ import annotations

import os
import resource
from time import perf_counter

LONG = 8e-6
"""Seconds to offer the core to others, from which it may be that somebody took it: it takes 1e-6 else."""

_ENOUGH = 2  # times
_PAUSE = 500e-6  # seconds between two moves, each of which takes 50e-6 to 100e-6


_CAN_MOVE = hasattr(os, "sched_setaffinity") and hasattr(resource, "RUSAGE_THREAD")


class Core:
    """The core that this thread runs on, which may turn out to be the other side's as well."""

    def __init__(self) -> None:
        self._switches = 0
        self._times = 0
        self._moved = 0.0

    def is_left(self, now: float) -> bool:
        """It took `LONG` to offer the core to others: leave it, if that happens again; whether we have moved."""
        if not _CAN_MOVE:
            return False
        switches = resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw
        if switches == self._switches:
            return False  # it took long, and nobody ran
        self._switches = switches
        self._times += 1
        if self._times < _ENOUGH or now < self._moved + _PAUSE:
            return False
        self._times = 0
        is_another = _move()
        self._moved = perf_counter()
        return is_another


def _move() -> bool:
    """Go to some other core that this thread may use; whether there is one."""
    try:
        allowed = os.sched_getaffinity(0)
        others = allowed - {_present()}
        if others:
            os.sched_setaffinity(0, others)
            os.sched_setaffinity(0, allowed)
    except OSError:  # it is not allowed, or there is no /proc
        return False
    return bool(others)


def _present() -> int:
    """The core that this thread runs on (proc(5), field 39)."""
    with open("/proc/thread-self/stat", "rb") as stat:
        return int(stat.read().rpartition(b")")[2].split()[36])
