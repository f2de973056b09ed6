"""Which of the runtime's steps runs now: steps are a tree, and the one that began last says most."""

from __future__ import annotations

import threading

from carton_runtime import Event, Phase


class RunningSteps:
    """Takes the events of one operation, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Event] = {}

    def take(self, event: Event) -> None:
        """Take note of an event."""
        with self._lock:
            if event.phase in (Phase.FINISHED, Phase.FAILED):
                self._running.pop(event.step, None)
            else:
                self._running[event.step] = event

    @property
    def innermost(self) -> Event | None:
        """The last event of the step that began last; `None` when none runs."""
        with self._lock:
            return next(reversed(self._running.values()), None)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._running.clear()
