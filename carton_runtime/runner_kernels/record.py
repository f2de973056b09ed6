"""What is kept of a model for as long as it is loaded, whichever process runs it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from enum import Enum

from carton_runtime.runner_kernels.log import KeptLines
from carton_runtime.runner_kernels.statistics import CallStatistics


class KernelState(Enum):
    """Where a kernel is in its life."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    DEAD = "dead"


class ModelRecord:
    """Handed on from a kernel to the one that replaces it.

    Attributes:
        statistics: the calls so far, and how the last that failed did.
        lines: what the model printed last.
        listeners: those who want to be told of changes, by whatever tells them apart; nearly always nobody.
    """

    def __init__(self) -> None:
        self.statistics = CallStatistics()
        self.lines = KeptLines()
        self.listeners: dict[object, Callable[[KernelState], None]] = {}

    def on_change(self, tell: Callable[[KernelState], None]) -> Callable[[], None]:
        """Have `tell` called by `changed`; the result stops that, however often it is called."""
        key = object()  # `tell` may be here more than once
        self.listeners[key] = tell

        def stop() -> None:
            self.listeners.pop(key, None)

        return stop

    def changed(self, state: KernelState) -> None:
        """Tell those who listen; one that fails, as whose event loop was closed meanwhile, costs no call its result."""
        for tell in list(self.listeners.values()):
            try:
                tell(state)
            except Exception:  # noqa: BLE001  somebody else's code
                traceback.print_exc()
