"""Models are loaded, with what they were given, or refused."""

from __future__ import annotations

import pytest

import carton_runtime.sync as carton
from carton_runtime import ModelError
from carton_runtime.testing.suites.behaviours import Behaviour
from carton_runtime.testing.suites.samples import assert_same
from carton_runtime.testing.suites.subject import Models, Subject

DEVICES = {"cpu": "", "GPU-00000000-0000-0000-0000-000000000000": "GPU-00000000-0000-0000-0000-000000000000"}
"""What a caller asks for, and what ``CUDA_VISIBLE_DEVICES`` is then."""


class LoadingChecks(Subject):
    """Checks of ``load``."""

    def test_a_folder_is_loaded_and_its_model_is_ready(self, models: Models) -> None:
        with models.fresh(Behaviour.ECHO) as model:
            assert model.kernel.state.value == "idle"
            assert_same(self.infer(model, x=self.tensor(5))["x"], self.tensor(5))

    def test_a_packed_model_is_loaded(self, models: Models) -> None:
        with carton.load(models.packed(Behaviour.ECHO)) as model:
            assert_same(self.infer(model, x=self.tensor(5))["x"], self.tensor(5))

    def test_two_models_are_loaded_at_once_and_do_not_meet(self, models: Models) -> None:
        with models.fresh(Behaviour.ECHO) as one, models.fresh(Behaviour.ECHO) as other:
            assert one.kernel.pid != other.kernel.pid
            assert_same(self.infer(one, x=self.tensor(5))["x"], self.tensor(5))
            assert_same(self.infer(other, x=self.tensor(7))["x"], self.tensor(7))
            one.close()
            assert_same(self.infer(other, x=self.tensor(9))["x"], self.tensor(9))

    def test_a_model_that_is_unfit_is_refused_with_words(self, models: Models) -> None:
        with pytest.raises(ModelError) as caught:
            models.fresh(Behaviour.UNFIT).close()
        assert str(caught.value).strip()

    def test_a_runner_option_reaches_it(self, models: Models) -> None:
        with models.fresh(Behaviour.OPTIONS, override_runner_opts={self.option: "zwei ü"}) as model:
            assert str(self.infer(model, option=0)["option"]) == "zwei ü"

    @pytest.mark.parametrize("device", DEVICES)
    def test_a_model_sees_the_device_that_was_chosen(self, models: Models, device: str) -> None:
        with models.fresh(Behaviour.ENVIRONMENT, visible_device=device) as model:
            assert str(self.infer(model, name="CUDA_VISIBLE_DEVICES")["value"]) == DEVICES[device]
