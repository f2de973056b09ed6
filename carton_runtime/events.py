"""What is happening, for progress bars and logs: steps that start, progress and finish.

A long operation is a tree of steps, each named like ``environment.build`` or ``model.fetch``. A step's events go to
the logger ``carton_runtime.<name>`` and to the callback that the caller passed as ``on_event``. Callbacks run on
whatever thread does the work, must not block, and see each step as: one ``started``, any number of ``progress``, then
one ``finished`` or ``failed``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a step stands."""

    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one step.

    Attributes:
        step: the step's dotted name.
        phase: where the step stands.
        message: a line for a person: what the step does, or the last line of the program that it runs.
        done: amount done so far, in ``unit``.
        total: amount in all, in ``unit``; ``None`` when it is not known.
        unit: ``"B"`` for bytes, otherwise what is counted.
        elapsed: seconds since the step started.
        skipped: how much of ``done`` was there before, and took no time.
    """

    step: str
    phase: Phase
    message: str = ""
    done: int = 0
    total: int | None = None
    unit: str = "B"
    elapsed: float = 0.0
    skipped: int = 0

    @property
    def rate(self) -> float | None:
        """So much a second; ``None`` while that cannot be told."""
        done = self.done - self.skipped
        return done / self.elapsed if done > 0 and self.elapsed > 0 else None

    @property
    def remaining(self) -> float | None:
        """Seconds until all is done, at the rate so far; ``None`` while that cannot be told."""
        return None if self.total is None or not self.rate else max(0, self.total - self.done) / self.rate


OnEvent = Callable[[Event], None]
"""What a caller passes to be told; see the module's text for the rules."""


class Step:
    """A running step, handed out by `step`; reports its own progress."""

    def __init__(self, name: str, message: str, total: int | None, unit: str, on_event: OnEvent | None) -> None:
        self._name = name
        self._message = message
        self._total = total
        self._unit = unit
        self._on_event = on_event
        self._done = 0
        self._skipped = 0
        self._start = time.monotonic()
        self._logger = logging.getLogger(f"carton_runtime.{name}")

    def advance(self, amount: int, message: str | None = None) -> None:
        """Report `amount` more done."""
        self._done += amount
        self.say(message)

    def skip(self, amount: int, message: str | None = None) -> None:
        """Report `amount` more done that was there before and took no time."""
        self._skipped += amount
        self.advance(amount, message)

    def expect(self, amount: int) -> None:
        """Count `amount` more to be done in all; fewer than 0 take that back."""
        if amount:
            self._total = (self._total or 0) + amount

    def say(self, message: str | None = None) -> None:
        """Report a new line of text, or just that the step is alive."""
        self._message = self._message if message is None else message
        self.emit(Phase.PROGRESS)

    def emit(self, phase: Phase) -> None:
        """Send an event of `phase` to the logger and to the callback."""
        elapsed = time.monotonic() - self._start
        event = Event(self._name, phase, self._message, self._done, self._total, self._unit, elapsed, self._skipped)
        self._logger.debug("%s after %.3f s: %s", phase, elapsed, self._message)
        if self._on_event is not None:
            self._on_event(event)


@contextmanager
def step(
    name: str, message: str = "", *, total: int | None = None, unit: str = "B", on_event: OnEvent | None = None
) -> Iterator[Step]:
    """Run the body as one step, reporting how it starts and how it ends."""
    running = Step(name, message, total, unit, on_event)
    running.emit(Phase.STARTED)
    try:
        yield running
    except BaseException:
        running.emit(Phase.FAILED)
        raise
    running.emit(Phase.FINISHED)
