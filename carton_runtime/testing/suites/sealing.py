"""Inputs that are handed over before they are needed."""

from __future__ import annotations

import pytest

import carton_runtime.sync as carton
from carton_runtime import CartonError, ModelError
from carton_runtime.model import SealHandle
from carton_runtime.testing.suites.behaviours import Behaviour
from carton_runtime.testing.suites.samples import assert_same
from carton_runtime.testing.suites.subject import Models, Subject

_NEVER_GIVEN = 1 << 40


class SealChecks(Subject):
    """Checks of ``seal`` and ``infer_with_handle``."""

    @pytest.mark.parametrize("size", [5, 1 << 18], ids=["small", "large"])
    def test_what_was_sealed_is_what_the_model_runs_on(self, models: Models, size: int) -> None:
        model = models.shared(Behaviour.ECHO)
        handle = model.seal(x=self.tensor(size))
        assert_same(self.infer(model, x=self.tensor(size + 1))["x"], self.tensor(size + 1))
        assert_same(self._run(model, handle), self.tensor(size))

    def test_handles_serve_in_any_order(self, models: Models) -> None:
        model = models.shared(Behaviour.ECHO)
        handles = {size: model.seal(x=self.tensor(size)) for size in range(1, 6)}
        for size in (3, 5, 1, 4, 2):
            assert_same(self._run(model, handles[size]), self.tensor(size))

    def test_a_handle_serves_once(self, models: Models) -> None:
        model = models.shared(Behaviour.ECHO)
        handle = model.seal(x=self.tensor(3))
        self._run(model, handle)
        with pytest.raises(ModelError):
            self._run(model, handle)
        assert_same(self.infer(model, x=self.tensor(4))["x"], self.tensor(4))

    def test_a_handle_that_was_never_given_is_an_error(self, models: Models) -> None:
        model = models.shared(Behaviour.ECHO)
        given = model.seal(x=self.tensor(3))
        with pytest.raises(ModelError):
            self._run(model, SealHandle(_NEVER_GIVEN, model.kernel, given.form))
        assert_same(self._run(model, given), self.tensor(3))

    def test_a_handle_of_another_process_is_an_error(self, models: Models) -> None:
        with models.fresh(Behaviour.ECHO) as model:
            handle = model.seal(x=self.tensor(3))
            model.restart()
            with pytest.raises(CartonError):
                self._run(model, handle)
            assert_same(self.infer(model, x=self.tensor(4))["x"], self.tensor(4))

    def _run(self, model: carton.Carton, handle: SealHandle) -> object:
        return model.infer_with_handle(handle, timeout=self.patience)["x"]
