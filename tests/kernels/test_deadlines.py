"""What may be given as a timeout, and what happens with it."""

from __future__ import annotations

import os
import signal
from fractions import Fraction
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from kernels.conftest import Load

import carton_runtime as carton
from carton_runtime import CallTimeoutError, LoadTimeoutError, SettingsError, background
from carton_runtime.runner_kernels.deadlines import check_timeout
from carton_runtime.testing.doubles import FAULTY_MODEL, Fault, Phase, faulty_options

NONE = [
    float("nan"),
    "2",
    "",
    -1,
    -0.5,
    -float("inf"),
    True,
    False,
    b"1",
    [1.0],
    np.float32("nan"),
    1j,
    [],
    10**400,
    np.ones(2),
]
SOME = [None, 0, 1, 2.5, 10**20, float("inf"), np.float32(1.5), np.int8(3), Fraction(1, 2)]


@pytest.mark.parametrize("timeout", NONE, ids=lambda timeout: f"{timeout!r:.20}")
def test_what_is_no_number_of_seconds_is_refused_with_words(timeout: object) -> None:
    with pytest.raises(SettingsError, match=r"timeout=.* is no number of seconds; give one from 0 up"):
        check_timeout(timeout)


@pytest.mark.parametrize("timeout", SOME, ids=lambda timeout: f"{timeout!r:.20}")
def test_any_number_from_zero_up_is_one(timeout: object) -> None:
    check_timeout(timeout)


async def test_every_way_to_call_refuses_it_before_anything_is_sent(model: carton.Carton) -> None:
    handle = await model.seal(x=1)
    twin = carton.sync.Carton(model)
    with pytest.raises(SettingsError):
        await model.infer(x=1, timeout="soon")  # type: ignore[arg-type]
    with pytest.raises(SettingsError):
        await anext(model.streaming_infer(x=1, timeout=-1))
    with pytest.raises(SettingsError):
        await model.infer_with_handle(handle, timeout=float("nan"))
    for call in (twin.infer, lambda **keywords: next(twin.streaming_infer(**keywords))):
        with pytest.raises(SettingsError):
            call(x=1, timeout=True)
    assert model.kernel.channel.open_calls == 0
    assert int((await model.infer_with_handle(handle))["out"]) == 1, "the handle was not used up"


async def test_a_dead_model_does_not_come_back_for_it(model: carton.Carton) -> None:
    kernel = model.kernel
    os.kill(kernel.pid, signal.SIGKILL)
    await background.run(kernel.ended())
    with pytest.raises(SettingsError):
        await model.infer(x=1, timeout=-1)
    with pytest.raises(SettingsError):
        carton.sync.Carton(model).infer(x=1, timeout=-1)
    assert model.kernel is kernel


@pytest.mark.parametrize("seconds", [10**20, float("inf"), np.float32(1000), Fraction(10**6)], ids=type)
async def test_an_odd_number_of_seconds_is_a_number_of_seconds(model: carton.Carton, seconds: float) -> None:
    assert int((await model.infer(x=1, timeout=seconds))["out"]) == 1
    assert int(carton.sync.Carton(model).infer(x=1, timeout=seconds)["out"]) == 1


async def test_no_time_at_all_is_too_little(load: Load) -> None:
    model = await load()
    with pytest.raises(CallTimeoutError):
        await model.infer(x=1, seconds=0.2, timeout=0)
    assert int((await model.infer(x=1))["out"]) == 1


# Loading


@pytest.mark.parametrize("fault", [Fault.LOOP, Fault.GIL_LOOP, Fault.STUBBORN])
async def test_a_model_that_never_gets_loaded_ends_with_its_process(load: Load, fault: Fault) -> None:
    before = len(carton.kernels())
    with pytest.raises(LoadTimeoutError, match=r"was not ready within 2 s \(ready_timeout\)"):
        await load(Phase.LOADING, fault, ready_timeout=2)
    assert len(carton.kernels()) == before
    assert int((await (await load(ready_timeout=60)).infer(x=1))["out"]) == 1, "one that gets loaded in time"


async def test_a_model_that_does_not_come_back_in_time_says_so_and_may_yet(load_code: Load, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    model = await load_code(SLOW_TO_COME_BACK.format(slow=str(slow)), ready_timeout=2)
    twin = carton.sync.Carton(model)
    slow.touch()
    model.kernel.kill()
    await background.run(model.kernel.ended())
    with pytest.raises(LoadTimeoutError):
        await model.infer(x=1, timeout=60)
    with pytest.raises(LoadTimeoutError):
        twin.infer(x=1)
    assert model.kernel.statistics.last_error.endswith("(ready_timeout)")
    slow.unlink()
    assert int((await model.infer(x=1))["x"]) == 1


SLOW_TO_COME_BACK = """
import os, time

class Model:
    def infer_with_tensors(self, tensors):
        return tensors

def get_model():
    while os.path.exists({slow!r}):
        time.sleep(0.1)
    return Model()
"""


async def test_a_ready_timeout_is_checked_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"ready_timeout='soon' is no number of seconds; .* as it takes\.$"):
        await carton.load(tmp_path / "none.carton", ready_timeout="soon")  # type: ignore[arg-type]


class AlarmError(TimeoutError):
    """The test's own."""


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("timeout", [None, 100.0])
def test_a_timeout_error_of_a_signal_handler_is_not_taken_for_ours(timeout: float | None) -> None:
    def ring(*_: object) -> NoReturn:
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with carton.sync.load_unpacked(FAULTY_MODEL, **faulty_options()) as model:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(AlarmError):
                model.infer(x=1, seconds=50.0, timeout=timeout)
            assert int(model.infer(x=1)["out"]) == 1
    finally:
        signal.signal(signal.SIGALRM, before)
