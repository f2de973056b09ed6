"""A progress bar over the runtime's events, for notebooks and terminals alike.

::

    model = await carton.load("model.carton", on_event=ProgressBar())

Events come from any thread and may come by the thousand. The bar is drawn on the runtime's background loop alone, at
most 15 times a second and always with the last event, and only for what takes longer than a moment: what is quick
leaves nothing in a notebook. Where stderr is no terminal (a pipe, a log) there is no bar.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from carton_jupyter.steps import RunningSteps
from carton_runtime import Event
from carton_runtime.background import background_loop, run_blocking

_INTERVAL = 1 / 15
_DELAY = 0.5
_LINGER = 0.5  # seconds without a step after which the bar goes: the next step often follows at once
_WIDEST = 48

_TIME_ONLY = "{desc} {bar} {elapsed}"  # a notebook's bar is there anyway, and would stand before the text
_AMOUNT = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}"


class Bar(Protocol):
    """What is drawn on: a `tqdm.tqdm`."""

    n: float
    total: float | None
    unit: str
    bar_format: str | None

    def reset(self, total: float | None = None) -> None:
        """Start again from 0."""

    def set_description_str(self, desc: str | None = None, refresh: bool | None = True) -> None:
        """Set the text."""

    def refresh(self) -> Any:
        """Draw."""

    def close(self) -> None:
        """Take it away."""


class ProgressBar:
    """An ``on_event`` callback that shows the innermost running step as one bar.

    It goes when the steps are over; as a context manager, at the end of the block at the latest.

    Args:
        make_bar: makes the bar when it is first needed.
        delay: seconds that a step may take before there is a bar.
        interval: seconds between two drawings.
    """

    def __init__(
        self, make_bar: Callable[[], Bar] | None = None, *, delay: float = _DELAY, interval: float = _INTERVAL
    ) -> None:
        self._make_bar = make_bar or new_bar
        self._delay = delay
        self._interval = interval
        # What is drawn from our thread belongs to the cell that is running now.
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._steps = RunningSteps()
        self._drawing_due = False
        # Below: of the background loop alone.
        self._bar: Bar | None = None
        self._drawn_step = ""
        self._next_drawing = 0.0
        self._going: asyncio.TimerHandle | None = None

    def __call__(self, event: Event) -> None:
        """Take note of an event; from any thread, without waiting."""
        with self._lock:
            self._steps.take(event)
            planned, self._drawing_due = self._drawing_due, True
        if not planned:
            background_loop().call_soon_threadsafe(self._plan, context=self._context)

    def close(self) -> None:
        """Take the bar away."""
        self._steps.clear()
        run_blocking(self._close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _plan(self) -> None:
        now = time.monotonic()
        if self._bar is None and not self._next_drawing:
            self._next_drawing = now + self._delay
        wait = max(0.0, self._next_drawing - now)
        asyncio.get_running_loop().call_later(wait, self._draw, context=self._context)

    def _draw(self) -> None:
        with self._lock:
            self._drawing_due = False
            event = self._steps.innermost
        self._next_drawing = time.monotonic() + self._interval
        if self._going is not None:
            self._going.cancel()
        if event is not None:
            if self._bar is None:  # a tqdm without a total has no truth value
                self._bar = self._make_bar()
            self._show(self._bar, event)
        # A step that is quiet for long keeps its bar; the end of all steps takes it away.
        elif self._bar is not None:
            self._going = asyncio.get_running_loop().call_later(_LINGER, self._remove, context=self._context)
        else:
            self._next_drawing = 0.0

    def _show(self, bar: Bar, event: Event) -> None:
        if event.step != self._drawn_step:
            bar.reset(event.total)
            self._drawn_step = event.step
        known = bool(event.total)
        bar.total = event.total or None
        bar.n = min(event.done, event.total or 0)
        bar.unit = event.unit
        bar.bar_format = f"{_AMOUNT}{_unit(event)}{_pace(event)}" if known else _TIME_ONLY
        bar.set_description_str(_shortened(event.message or event.step), refresh=False)
        bar.refresh()

    def _remove(self) -> None:
        if self._bar is not None:
            # tqdm leaves a red bar behind for what did not reach its total; the error in the cell says more.
            self._bar.total = None
            self._bar.close()
        self._bar = None
        self._drawn_step = ""
        self._next_drawing = 0.0

    async def _close(self) -> None:
        if self._going is not None:
            self._going.cancel()
        self._remove()


def new_bar() -> Bar:
    """A bar of the kind that fits where we run: a widget in a notebook, a line in a terminal."""
    from tqdm.auto import tqdm

    class Unwatched(tqdm):  # type: ignore[type-arg]  # it iterates over nothing
        monitor_interval = 0  # no thread that would draw what has gone quiet: we draw

    # disable=None: no bar where stderr is no terminal. A notebook's bar takes it for False.
    # The format is set with each event; without one, tqdm begins with "0.00it [00:00, ?it/s]".
    bar: Bar = Unwatched(total=None, leave=False, disable=None, unit_scale=True, mininterval=0, bar_format="{desc}")
    return bar


def _unit(event: Event) -> str:
    return "B" if event.unit == "B" else f" {event.unit}"


def _pace(event: Event) -> str:
    """How fast it goes and how long it will take: the bar itself would count what was there before."""
    rate, remaining = event.rate, event.remaining
    if rate is None or remaining is None:
        return ""
    from tqdm import tqdm

    pace = f" {tqdm.format_sizeof(rate)}{event.unit}/s"
    return f"{pace}, {tqdm.format_interval(remaining)} left" if event.done < (event.total or 0) else pace


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
