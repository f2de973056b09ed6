"""Runs of the model: one at a time for a panel, shown while it goes on, and stopped when asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime

import carton_runtime as carton
from carton_jupyter.panel.desk import Desk
from carton_jupyter.panel.fields import Entry
from carton_jupyter.panel.history import History, Record
from carton_jupyter.panel.keeping import without_locals
from carton_jupyter.panel.outputs import Outputs, Tensors
from carton_jupyter.panel.requests import RequestError
from carton_jupyter.presenter.panel_runs import RunView, run_state
from carton_jupyter.presenter.panel_view import Outcome, RunState

_LOOK = 0.2  # seconds between two looks at the queue, which does not tell when it has become shorter


class Runs:
    """Of one panel.

    Args:
        desk: what the parts share.
        history: where runs go that are over.

    Attributes:
        view: what there is to say about the run that goes on, or the last one.
        result: the last result of all, by name.
    """

    def __init__(self, desk: Desk, history: History) -> None:
        self.view = RunView()
        self.result: Tensors | None = None
        self._desk = desk
        self._history = history
        self._work: asyncio.Task[None] | None = None
        self._last: Tensors | None = None  # result of this run

    async def run(self, model: carton.Carton, inputs: Tensors, entries: Mapping[str, Entry], outputs: Outputs) -> None:
        """Run the model until it is done, has failed, or is stopped; none of which raises. Cancelling this stops it.

        Args:
            model: what to run.
            inputs: what to run it on.
            entries: where those came from.
            outputs: where results go.

        Raises:
            RequestError: a run is going on.
        """
        self.check_free()
        begun, clock = datetime.now().astimezone(), time.perf_counter()
        self._last = None
        self._say(RunView("running", self._history.new_number(), begun.timestamp()))
        outputs.begin(self.view.number)
        self._work = asyncio.create_task(self._stream(model, inputs, outputs))
        try:
            await self._follow(self._work, model.kernel)
            await outputs.settle()
        finally:
            self._work.cancel()
            work, self._work = self._work, None
            phase, error = _ending(work)
            seconds = time.perf_counter() - clock
            items = self.view.items
            self._history.add(Record(
                self.view.number, begun, seconds, phase, inputs, self._last, items, error, entries
            ))  # fmt: skip
            self._say(replace(self.view, phase=phase, seconds=seconds, ahead=0, error=error))
            self._desk.touch("history", "kernel")

    def check_free(self) -> None:
        """Refuse what wants a run to begin.

        Raises:
            RequestError: a run is going on.
        """
        if self._work is not None:
            raise RequestError("a run is going on already; stop it first")

    def state(self) -> RunState:
        """What is shown."""
        return run_state(self.view)

    def stop(self) -> None:
        """Stop the run that goes on, if one does, without waiting."""
        if self._work is not None:
            self._say(replace(self.view, phase="stopping"))
            self._work.cancel()

    async def _stream(self, model: carton.Carton, inputs: Tensors, outputs: Outputs) -> None:
        async with aclosing(model.streaming_infer(dict(inputs))) as results:
            async for result in results:
                self.result = self._last = result
                self._say(replace(self.view, items=self.view.items + 1))
                outputs.offer(self.view.number, result)
                await asyncio.sleep(0)  # results that are there already must not keep Stop from being heard

    async def _follow(self, work: asyncio.Task[None], kernel: carton.Kernel) -> None:
        """Wait for the end of a run, and say how many calls are before it."""
        await asyncio.sleep(0)  # now it has been sent, if it could be
        answered, ahead = kernel.statistics.calls, kernel.queued
        while ahead > 0 and not work.done() and self.view.phase != "stopping":
            self._say(replace(self.view, phase="queued", ahead=ahead))
            await asyncio.wait({work}, timeout=_LOOK)
            # Those behind are queued too, and those before may be given up instead of answered.
            ahead = min(kernel.queued, ahead - (kernel.statistics.calls - answered))
            answered = kernel.statistics.calls
        if self.view.phase == "queued":
            self._say(replace(self.view, phase="running", ahead=0))
        await asyncio.wait({work})

    def _say(self, view: RunView) -> None:
        self.view = view
        self._desk.touch("run")


def _ending(work: asyncio.Task[None]) -> tuple[Outcome, BaseException | None]:
    if work.cancelled() or not work.done():
        return "stopped", None
    error = work.exception()
    if error is None:
        return "done", None
    return ("stopped", None) if isinstance(error, carton.CallCancelledError) else ("failed", without_locals(error))
