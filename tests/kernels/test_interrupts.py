"""An interrupt at any step of a blocking call costs that call, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from kernels.strikes import struck

import carton_runtime
import carton_runtime.sync as carton
from carton_runtime.testing.doubles import FAULTY_MODEL, faulty_options

pytestmark = (
    pytest.mark.soak
)  # not all pass every time yet: an interrupt while a sealed handle is made may cost the handle

ROOT = Path(carton_runtime.__file__).parent
FILES = {
    str(path)
    for path in [
        ROOT / "sync.py",
        ROOT / "model.py",
        *(ROOT / "runner_kernels").glob("*.py"),
        *(ROOT / "_child" / "carton_wire").glob("*.py"),
    ]
}
CALLS: dict[str, Callable[[carton.Carton, int], int]] = {
    "small": lambda model, value: int(model.infer(x=value)["out"]),
    "large": lambda model, value: int(model.infer(x=np.full(1 << 18, value))["out"][-1]),
    "stream": lambda model, value: value - 4 + [int(item["out"]) for item in model.streaming_infer(x=1, items=5)][-1],
    "handle": lambda model, value: int(model.infer_with_handle(model.seal(x=value))["out"]),
}


@pytest.fixture
def model() -> Iterator[carton.Carton]:
    with carton.load_unpacked(FAULTY_MODEL, **faulty_options()) as model:
        yield model


def all_quiet(model: carton.Carton, patience: float = 10.0) -> bool:
    """Whether no call is left that anybody waits for."""
    deadline = time.monotonic() + patience
    while model.kernel.channel.open_calls and time.monotonic() < deadline:
        time.sleep(0.001)
    return not model.kernel.channel.open_calls


def interrupt_everywhere(model: carton.Carton, call: str, first: int, every: int) -> Iterator[str]:
    """Interrupt a call at each step in turn; where that was, each time."""
    step = first
    while True:
        with struck(step, FILES) as striker, suppress(KeyboardInterrupt):
            assert CALLS[call](model, step) == step
        if not striker.where:
            return
        yield striker.where
        step += every


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("every", [7, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])])
def test_an_interrupt_at_any_step_keeps_the_process_and_mixes_nothing_up(
    call: str, every: int, model: carton.Carton
) -> None:
    kernel, steps = model.kernel, 0
    assert CALLS[call](model, 5) == 5
    for where in interrupt_everywhere(model, call, first=0, every=every):
        if not all_quiet(model, 0.5):
            kernel.channel._places.clear()
        assert CALLS[call](model, -steps) == -steps, where
        assert model.kernel is kernel, where
        steps += 1
        if steps > 1000:
            break  # a large call finds more to clear away after each interrupt
    assert steps > 100 // every


@pytest.mark.xfail(reason="between the gate and the call, an interrupt may cost one of 1,024 places", strict=True)
def test_an_interrupt_at_any_step_costs_no_place(model: carton.Carton) -> None:
    gate = model.kernel.gate
    room = gate._free
    assert CALLS["small"](model, 5) == 5
    for where in interrupt_everywhere(model, "small", first=0, every=1):
        assert gate._free == room, where


@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_storm_of_real_interrupts_loses_nothing(model: carton.Carton, count: int) -> None:
    kernel, stop, value, done = model.kernel, threading.Event(), 0, 0
    chance = random.Random(0)

    def storm() -> None:
        while not stop.wait(chance.uniform(0.0005, 0.01)):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=storm)
    interrupts = 0
    try:
        thread.start()
        while interrupts < count:
            try:
                value += 1
                assert int(model.infer(x=value)["out"]) == value
                done += 1
            except KeyboardInterrupt:
                interrupts += 1
    finally:
        while thread.is_alive():
            with suppress(KeyboardInterrupt):
                stop.set()
                thread.join()
    assert done
    assert model.kernel is kernel
    assert int(model.infer(x=7)["out"]) == 7
