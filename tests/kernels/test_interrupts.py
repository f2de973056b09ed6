"""An interrupt at any step of a blocking call costs that call, and nothing else."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from kernels.conftest import PATIENCE
from kernels.strikes import struck

import carton_runtime
import carton_runtime.sync as carton
from carton_runtime import CallTimeoutError, ModelClosedError, ReentrantCallError, background
from carton_runtime.background import background_loop, run_blocking
from carton_runtime.runner_kernels import channel, parking, waking
from carton_runtime.runner_kernels.call import Call
from carton_runtime.testing.doubles import FAULTY_MODEL, faulty_options
from carton_runtime.testing.leaks import open_descriptors

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
def model(ctrl_c: None) -> Iterator[carton.Carton]:
    with carton.load_unpacked(FAULTY_MODEL, **faulty_options()) as model:
        yield model


def nothing_is_open(model: carton.Carton, patience: float = 10.0) -> bool:
    """Whether there is, after a moment, no call left that anybody waits for."""
    deadline = time.monotonic() + patience
    while model.kernel.channel.open_calls and time.monotonic() < deadline:
        time.sleep(0.001)
    return not model.kernel.channel.open_calls and model.kernel.gate.is_open


def interrupt_everywhere(model: carton.Carton, call: str, every: int, most: int) -> Iterator[str]:
    """Interrupt a call at each step in turn; where that was, each time."""
    for step in range(0, most * every, every):
        with struck(step, FILES) as striker, suppress(KeyboardInterrupt):
            assert CALLS[call](model, step) == step
        if not striker.where:
            return
        yield striker.where


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("every", [7, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])])
def test_an_interrupt_at_any_step_costs_its_call_and_nothing_else(call: str, every: int, model: carton.Carton) -> None:
    kernel, steps = model.kernel, 0
    assert CALLS[call](model, 5) == 5
    # A large call finds more to clear away after each interrupt: there is no end to it.
    for where in interrupt_everywhere(model, call, every, most=1000):
        assert nothing_is_open(model), where
        assert CALLS[call](model, -steps) == -steps, where
        assert model.kernel is kernel, where
        steps += 1
    assert steps > 100 // every
    gc.collect()  # an interrupted frame may hold itself by its exception
    deadline = time.monotonic() + 10.0
    while len(kernel.sealed) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(kernel.sealed) == 0


PARKING = {parking.__file__, waking.__file__, channel.__file__}
TURNS = 5  # of a loop, in which a call that was cancelled is left, and then her place


def interrupt_one_who_is_parked(model: carton.Carton, step: int) -> str:
    """Interrupt a call that is awaited, in a loop of its own, which goes on for a moment; where that was."""
    loop = asyncio.new_event_loop()
    call = loop.create_task(model.asynchronous.infer(x=1, seconds=0.01))
    with struck(step, PARKING) as striker, suppress(KeyboardInterrupt):
        loop.run_until_complete(call)
    call.cancel()
    for _ in range(TURNS):
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert call.done()
    loop.close()
    return striker.where


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # struck between call and await
def test_an_interrupt_of_who_is_parked_leaves_nothing_behind(model: carton.Carton) -> None:
    interrupt_one_who_is_parked(model, 1 << 30)
    before, step = sum(open_descriptors().values()), 0
    while interrupt_one_who_is_parked(model, step):
        step += 1
    assert step > 50
    assert nothing_is_open(model)
    gc.collect()
    deadline = time.monotonic() + 10.0
    while sum(open_descriptors().values()) > before and time.monotonic() < deadline:
        time.sleep(0.01)  # until the kernel looks for loops that are closed
    assert sum(open_descriptors().values()) == before
    assert int(model.infer(x=7)["out"]) == 7


def closed_by_a_handler(model: carton.Carton) -> None:
    """Make calls until a signal comes whose handler closes the model."""

    def close(*_: object) -> None:
        model.close()

    before = signal.signal(signal.SIGALRM, close)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        while True:
            model.infer(x=1, seconds=0.0001)
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_a_signal_handler_may_close_the_model_whose_call_it_interrupts(times: int, ctrl_c: None) -> None:
    for _ in range(times):
        model = carton.load_unpacked(FAULTY_MODEL, **faulty_options())
        with pytest.raises(ModelClosedError):
            closed_by_a_handler(model)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seconds", [1.0, pytest.param(10.0, marks=pytest.mark.soak)])
def test_a_signal_handler_that_calls_the_model_which_is_being_called_gets_an_answer_or_an_error(
    model: carton.Carton, seconds: float, ctrl_c: None
) -> None:
    kernel, chance, inner, refused = model.kernel, random.Random(0), 0, 0

    def call_again(*_: object) -> None:
        nonlocal inner
        assert int(model.infer(x=-1)["out"]) == -1
        inner += 1

    before = signal.signal(signal.SIGALRM, call_again)
    end, value = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end:
            value += 1
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00001, 0.0003))
                assert int(model.infer(x=value)["out"]) == value
            except ReentrantCallError:
                refused += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert inner
    assert refused
    assert nothing_is_open(model)
    assert model.kernel is kernel


@pytest.mark.timeout(60)
@pytest.mark.parametrize("error", [TimeoutError, ValueError, OSError])
@pytest.mark.parametrize("seconds", [0.5, pytest.param(10.0, marks=pytest.mark.soak)])
def test_what_a_signal_handler_raises_is_not_taken_for_an_error_of_the_model_or_the_pipe(
    model: carton.Carton, error: type[Exception], seconds: float
) -> None:
    def ring(*_: object) -> NoReturn:
        raise error("ring")

    kernel, chance, heard, value = model.kernel, random.Random(0), 0, 0
    before = signal.signal(signal.SIGALRM, ring)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            value += 1
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00001, 0.0002))
                    assert int(model.infer(x=np.int64(value))["out"]) == value
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except error:
                heard += 1
    finally:
        signal.signal(signal.SIGALRM, before)
    assert heard
    assert nothing_is_open(model)
    assert int(model.infer(x=7)["out"]) == 7
    assert model.kernel is kernel


class Finalized:
    """Calls a model when the garbage collector comes for it, as only a cycle has it do."""

    def __init__(self, model: carton.Carton, found: list[object]) -> None:
        self.cycle = self
        self.model = model
        self.found = found

    def __del__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # the collector comes for it in any thread
        try:
            self.found.append(int(self.model.infer(x=-1)["out"]))
        except ReentrantCallError as error:
            self.found.append(error)


@pytest.mark.timeout(60)
def test_a_finalizer_that_calls_the_model_which_is_being_called_gets_an_answer_or_an_error(
    model: carton.Carton,
) -> None:
    found: list[object] = []
    threshold = gc.get_threshold()
    try:
        for value in range(1000):
            Finalized(model, found)
            gc.set_threshold(5 + value % 60)  # objects from now on until it comes
            assert int(model.infer(x=value)["out"]) == value
    finally:
        gc.set_threshold(*threshold)
        gc.collect()
    assert -1 in found
    assert any(isinstance(item, ReentrantCallError) for item in found)
    assert nothing_is_open(model)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("held", ["reading", "sending"])
def test_the_background_loop_waits_for_no_caller_that_is_interrupted_by_what_waits_for_the_loop(
    model: carton.Carton, held: str
) -> None:
    """The lock is held by a signal handler's victim, so to speak: it goes on only once the loop has answered."""
    channel = model.kernel.channel
    lock = {"reading": channel._reading, "sending": channel._outbox._lock}[held]
    with pytest.raises(CallTimeoutError):
        model.infer(x=1, seconds=0.3, timeout=0.01)  # seen off on the background loop, whose answer is read there
    with lock:
        time.sleep(0.6)  # until that answer has come, and an interrupt was due
        run_blocking(asyncio.sleep(0))
        background_loop().call_soon_threadsafe(model.kernel.give_up, model.kernel.channel.new_place())
        call = background.submit(model.asynchronous.infer(x=3))
        run_blocking(asyncio.sleep(0))
    assert int(call.result(PATIENCE)["out"]) == 3
    assert nothing_is_open(model)
    assert int(model.infer(x=7)["out"]) == 7


def test_a_call_that_was_struck_before_it_could_be_left_is_left_by_the_kernel(model: carton.Carton) -> None:
    call = Call(model.kernel, {"seconds": np.array(1000.0)}, None, {"handle": None, "credit": 0})
    call.__enter__()
    assert model.kernel.channel.open_calls == 1
    del call
    assert nothing_is_open(model)
    assert int(model.infer(x=7)["out"]) == 7


def test_a_call_that_was_never_sent_is_given_up_without_force(model: carton.Carton) -> None:
    kernel = model.kernel
    place = kernel.channel.new_place()
    kernel.give_up(place)
    assert kernel.channel.open_calls == 1
    assert nothing_is_open(model, patience=kernel.limits.told + kernel.limits.interrupted)
    assert int(model.infer(x=7)["out"]) == 7
    assert model.kernel is kernel


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
    assert nothing_is_open(model)
