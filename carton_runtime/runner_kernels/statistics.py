"""What a model has done so far, counted as it goes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_KEPT = 1000


@dataclass(frozen=True)
class Latency:
    """How long calls took, in seconds, over the last of them.

    Attributes:
        p50: half of them were quicker.
        p90: nine in ten were.
        p99: all but one in a hundred were.
    """

    p50: float
    p90: float
    p99: float


class CallStatistics:
    """Counts calls. Written by any thread: each step is one operation of the interpreter.

    Attributes:
        calls: that were answered.
        failures: calls, starts and processes that failed.
        restarts: how often the model's process was replaced.
        last_error: what was said of the last failure.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.restarts = 0
        self.failures = 0
        self.last_error = ""
        self._seconds: deque[float] = deque(maxlen=_KEPT)

    def count(self, seconds: float) -> None:
        """A call was answered."""
        self.calls += 1
        self._seconds.append(seconds)

    def count_failure(self, message: str) -> None:
        """A call failed."""
        self.failures += 1
        self.last_error = message

    def last(self, count: int) -> list[float]:
        """How long the last calls took, in seconds, oldest first; at most so many of them."""
        return list(self._seconds)[-count:]

    @property
    def latency(self) -> Latency | None:
        """Percentiles of the last calls; `None` before the first."""
        ordered = sorted(self._seconds)
        if not ordered:
            return None
        return Latency(*(ordered[int(len(ordered) * share)] for share in (0.5, 0.9, 0.99)))
