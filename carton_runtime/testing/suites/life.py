"""What a model's process prints, how it dies, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

import carton_runtime.sync as carton
from carton_runtime import KernelDiedError, ModelClosedError
from carton_runtime.testing.suites.behaviours import Behaviour
from carton_runtime.testing.suites.samples import assert_same
from carton_runtime.testing.suites.subject import Models, Subject

_SOON = 0.3  # seconds, in which a call has begun that is much longer
_TEXTS = ("plain", "é 日本 🙂", '{"kind": 6}', "x" * 10_000, "CTN2\x06\x00\x01")
"""Printed one by one; some look like what goes over the wire."""


class LifeChecks(Subject):
    """Checks of a model's process."""

    def test_what_a_model_prints_is_in_its_log(self, models: Models) -> None:
        model = models.shared(Behaviour.PRINTS)
        for text in _TEXTS:
            assert str(self.infer(model, text=text)["text"]) == text
        model.kernel.drain_log()
        printed = [line.text for line in model.kernel.log]
        assert [text for text in printed if text in _TEXTS] == list(_TEXTS)

    def test_a_model_whose_process_is_killed_says_so_and_comes_back(self, models: Models) -> None:
        with models.fresh(Behaviour.ECHO) as model:
            pid = model.kernel.pid
            error = asyncio.run(self._killed_in_a_call(model))
            assert (error.pid, error.exit_code) == (pid, -signal.SIGKILL)
            assert_same(self.infer(model, x=self.tensor(5))["x"], self.tensor(5))
            assert model.kernel.pid != pid

    def test_a_model_that_is_closed_leaves_nothing_behind(self, models: Models) -> None:
        models.written(Behaviour.ECHO)
        leaks = models.leaks()
        with models.fresh(Behaviour.ECHO) as model:
            for size in (5, 1 << 18):
                assert_same(self.infer(model, x=self.tensor(size))["x"], self.tensor(size))
            model.seal(x=self.tensor(5)).release()
        assert not (left := leaks.found()), "\n".join(["it left something behind:", *left])

    def test_a_model_that_is_closed_while_it_computes_leaves_nothing_behind(self, models: Models) -> None:
        models.written(Behaviour.WAITS)
        leaks = models.leaks()
        with models.fresh(Behaviour.WAITS) as model:
            asyncio.run(self._closed_in_a_call(model))
        assert not (left := leaks.found()), "\n".join(["it left something behind:", *left])

    async def _killed_in_a_call(self, model: carton.Carton) -> KernelDiedError:
        os.kill(model.kernel.pid, signal.SIGSTOP)  # so that the call cannot be over before its process is
        call = asyncio.create_task(model.asynchronous.infer({"x": self.tensor(5)}, timeout=self.patience))
        await asyncio.sleep(0)
        os.kill(model.kernel.pid, signal.SIGKILL)
        with pytest.raises(KernelDiedError) as caught:
            await call
        return caught.value

    async def _closed_in_a_call(self, model: carton.Carton) -> None:
        call = asyncio.create_task(model.asynchronous.infer({"seconds": 600.0}, timeout=self.patience))
        await asyncio.wait({call}, timeout=_SOON)
        await model.asynchronous.aclose()
        with pytest.raises(ModelClosedError):
            await call
