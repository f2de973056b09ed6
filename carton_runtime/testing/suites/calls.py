"""Calls: those that fail, those that are many, and those that nobody waits for any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import carton_runtime.sync as carton
from carton_runtime import CallTimeoutError, ModelError
from carton_runtime.testing.suites.behaviours import Behaviour
from carton_runtime.testing.suites.samples import assert_same
from carton_runtime.testing.suites.subject import Models, Subject

_AT_ONCE = 32
_SOON = 0.3  # seconds, in which a call has begun that is much longer
_LONG = 600.0


class CallChecks(Subject):
    """Checks of ``infer``."""

    def test_what_a_model_raises_reaches_the_caller_with_its_traceback(self, models: Models) -> None:
        with pytest.raises(ModelError) as caught:
            self.infer(models.shared(Behaviour.FAILS), fail=1)
        assert caught.value.remote_type, "it says which exception it was"
        assert "Traceback" in caught.value.remote_traceback, "it says where it was raised"

    def test_a_model_that_raised_goes_on_in_the_same_process(self, models: Models) -> None:
        model = models.shared(Behaviour.FAILS)
        pid = model.kernel.pid
        for _ in range(3):
            with pytest.raises(ModelError):
                self.infer(model, fail=1)
            assert int(self.infer(model, fail=0)["fail"]) == 0
        assert model.kernel.pid == pid, "an exception of the model ended its process"

    def test_of_calls_in_flight_each_gets_its_own_result(self, models: Models) -> None:
        model = models.shared(Behaviour.ECHO).asynchronous
        given = [self.tensor(size + 1) for size in range(_AT_ONCE)]

        async def all_at_once() -> list[dict[str, Any]]:
            calls = (model.infer({"x": array}, timeout=self.patience) for array in given)
            return list(await asyncio.gather(*calls))

        for found, array in zip(asyncio.run(all_at_once()), given, strict=True):
            assert_same(found["x"], array)

    def test_of_calls_in_flight_only_those_fail_that_raise(self, models: Models) -> None:
        model = models.shared(Behaviour.FAILS).asynchronous

        async def all_at_once() -> list[object]:
            calls = (model.infer({"fail": number % 2}, timeout=self.patience) for number in range(_AT_ONCE))
            return list(await asyncio.gather(*calls, return_exceptions=True))

        failed = [isinstance(found, ModelError) for found in asyncio.run(all_at_once())]
        assert failed == [number % 2 == 1 for number in range(_AT_ONCE)]

    def test_a_call_whose_task_is_cancelled_leaves_the_model_usable(self, models: Models) -> None:
        model = models.shared(Behaviour.WAITS)
        self._warm(model)
        pid = model.kernel.pid

        async def cancelled() -> None:
            async with asyncio.timeout(_SOON):
                await model.asynchronous.infer(seconds=_LONG)

        with pytest.raises(TimeoutError):
            asyncio.run(cancelled())
        self._goes_on(model, pid)

    def test_a_call_that_times_out_leaves_the_model_usable(self, models: Models) -> None:
        model = models.shared(Behaviour.WAITS)
        self._warm(model)
        pid = model.kernel.pid
        with pytest.raises(CallTimeoutError):
            model.infer({"seconds": _LONG}, timeout=_SOON)
        self._goes_on(model, pid)

    def _warm(self, model: carton.Carton) -> None:
        """Let the first call be over, which may take longer than the others."""
        self._goes_on(model, model.kernel.pid)

    def _goes_on(self, model: carton.Carton, pid: int) -> None:
        assert float(self.infer(model, seconds=0.0)["seconds"]) == 0
        assert model.kernel.pid == pid, "the model could not be interrupted, so its process was ended"
