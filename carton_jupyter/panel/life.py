"""The life of a panel's model: loaded, watched, tested, restarted, unloaded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import carton_runtime as carton
from carton_jupyter.panel import requests as ask
from carton_jupyter.panel.desk import Desk
from carton_jupyter.panel.keeping import without_locals
from carton_jupyter.panel.subject import Model, Subject
from carton_jupyter.presenter.panel_states import card_state, kernel_strip, load_hint, load_state, report_state
from carton_jupyter.presenter.panel_view import CardState, LoadState, ReportPhase, ReportState
from carton_jupyter.steps import RunningSteps
from carton_runtime.events import Event

T = TypeVar("T")

_MEMORY = 2.0  # seconds between two looks at what tells nobody when it changes: how much memory there is in use


class Life:
    """Of the model of one panel. Made on any thread but the background loop, where it then lives.

    Args:
        subject: what the panel is about.
        desk: what the parts share.
        renew: called once another model was loaded.
    """

    def __init__(self, subject: Subject, desk: Desk, renew: Callable[[], Awaitable[None]]) -> None:
        self._subject = subject
        self._desk = desk
        self._renew = renew
        self._steps = RunningSteps()
        self._work: asyncio.Future[Any] | None = None  # that Stop can end: loading, or the self tests
        self._tests: tuple[ReportPhase, carton.SelfTestReport | None, BaseException | None] = ("idle", None, None)
        self._watching: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] = _nothing
        self._card, self._hint = _described(subject)
        self._listen()

    @property
    def states(self) -> dict[str, Callable[[], Any]]:
        """What gives the state of each region."""
        return {
            "card": lambda: self._card,
            "load": self._load_state,
            "kernel": lambda: kernel_strip(self._subject.kernel),
            "tests": self._report_state,
        }

    async def do(self, request: ask.Request) -> None:
        """Do what is asked for. Raises what went wrong."""
        match request:
            case ask.Load():
                await self._load()
            case ask.Test():
                await self._test()
            case ask.Restart():
                await self._subject.required().restart()
            case ask.Unload():
                await self._unload()

    def attend(self) -> None:
        """Somebody looks: keep up what has to be asked for."""
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())

    def stop(self) -> None:
        """Give up loading, or the self tests."""
        if self._work is not None:
            self._work.cancel()

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        self._unlisten()
        if self._watching is not None:
            self._watching.cancel()

    async def _load(self) -> None:
        location = self._subject.info.location
        if self._work is not None or self._subject.phase == "loaded":
            raise ask.RequestError("the model is loaded already, or on its way")
        if location is None:
            raise ask.RequestError("the panel does not know where this carton came from; load it in a cell")
        self._enter("loading")
        try:
            model = await self._stoppable(carton.load(location, on_event=self._take))
        except Exception as error:
            self._enter("failed", error)
            raise
        finally:
            self._steps.clear()
        if model is None:
            self._enter("card")
            return
        self._adopt(model)
        self._card, self._hint = await asyncio.to_thread(_described, self._subject)
        self._desk.touch("card")
        await self._renew()

    def _adopt(self, model: Model) -> None:
        self._subject.adopt(model, keeps=True)
        self._listen()
        self._tests = ("idle", None, None)
        self._desk.touch("load", "kernel", "tests")

    async def _unload(self) -> None:
        await self._subject.required().aclose()
        self._unlisten()
        self._enter("unloaded")

    async def _test(self) -> None:
        if self._work is not None:
            raise ask.RequestError("the self tests are running already")
        tests = self._subject.required().run_self_tests()
        self._report("running")
        try:
            report = await self._stoppable(tests)
        except Exception as error:
            self._report("failed", error=without_locals(error))
            raise
        self._report("idle" if report is None else "done", report)

    async def _stoppable(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Work that Stop can end; `None` when it has."""
        self._work = task = asyncio.ensure_future(work)
        try:
            return await task
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            return None
        finally:
            self._work = None

    def _listen(self) -> None:
        """Hear of changes of the kernel, and of the one that takes its place."""
        self._unlisten()
        kernel, touch = self._subject.kernel, self._desk.touch
        self._unlisten = kernel.on_change(lambda _state: touch("kernel", "load")) if kernel is not None else _nothing

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_MEMORY)
            if self._subject.kernel is not None:
                self._desk.touch("kernel")

    def _take(self, event: Event) -> None:
        self._steps.take(event)
        self._desk.touch("load")

    def _enter(self, phase: Any, error: Exception | None = None) -> None:
        self._subject.phase, self._subject.error = phase, error
        self._desk.touch("load", "kernel")

    def _report(
        self, phase: ReportPhase, report: carton.SelfTestReport | None = None, error: BaseException | None = None
    ) -> None:
        self._tests = (phase, report, error)
        self._desk.touch("tests", "kernel")

    def _load_state(self) -> LoadState:
        subject, kernel = self._subject, self._subject.kernel
        if kernel is not None:
            return load_state(subject.phase, hint="; ".join(kernel.load_warnings))
        return load_state(subject.phase, self._steps.innermost, subject.error, self._hint)

    def _report_state(self) -> ReportState:
        phase, report, error = self._tests
        names = [test.name or f"self test {number}" for number, test in enumerate(self._subject.info.self_tests, 1)]
        return report_state(phase, names, report, error)


def _described(subject: Subject) -> tuple[CardState, str]:
    """What reads the carton: not for the background loop."""
    return card_state(subject.info, subject.kernel), load_hint(subject.info)


def _is_cancelled() -> bool:
    """Whether whoever asks is to end, and not only what she waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _nothing() -> None:
    return None
