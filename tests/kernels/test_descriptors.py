"""What happens when this process has no file descriptors left: words and no harm, and all is well afterwards."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from kernels.conftest import Load

import carton_runtime as carton
from carton_runtime import OutOfDescriptorsError
from carton_runtime.descriptors import in_need_of_descriptors
from carton_runtime.testing.doubles import FAULTY_MODEL, faulty_options
from carton_runtime.testing.leaks import open_descriptors

WORDS = r"cannot .*: this process has no file descriptors left \(\d+ are allowed\)\. Close .* or raise the limit: `"


@pytest.fixture
async def model(model: carton.Carton) -> carton.Carton:
    """One that was called already: numpy imports some of itself with the first call."""
    await model.infer(x=1)
    return model


@contextmanager
def only(left: int) -> Iterator[None]:
    """So many descriptors may be opened, and not one more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (sum(open_descriptors().values()) + 200, before[1]))
    try:
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(left):
            os.close(held.pop())
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def in_a_new_thread(call: Callable[[], object]) -> object:
    """What `call` gives there, or the error that it raises."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(call())
        except OutOfDescriptorsError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


async def test_small_calls_need_none(model: carton.Carton) -> None:
    with only(0):
        assert int((await model.infer(x=1))["out"]) == 1
        assert int((await model.infer(x=2, seconds=0.1))["out"]) == 2
        assert [int(item["out"]) async for item in model.streaming_infer(x=1, items=3)] == [0, 1, 2]


async def test_an_allocated_tensor_is_then_an_ordinary_one(model: carton.Carton) -> None:
    with only(0):
        x = model.alloc_tensor((1 << 18,), np.uint8)
    x[:] = 3
    assert (await model.infer(x=x))["out"].sum() == 3 << 18


async def test_a_thread_that_cannot_wait_says_why(model: carton.Carton) -> None:
    twin = carton.sync.Carton(model)
    with only(0):
        error = in_a_new_thread(lambda: twin.infer(x=1, seconds=0.2))
    assert isinstance(error, OutOfDescriptorsError)
    assert int((await model.infer(x=1))["out"]) == 1


async def test_an_answer_that_cannot_be_taken_says_why(model: carton.Carton) -> None:
    with only(0), pytest.raises(OutOfDescriptorsError, match=WORDS):
        await model.infer(x=np.ones(1 << 18), copied=1)
    assert (await model.infer(x=np.ones(1 << 18)))["out"].sum() == 1 << 18, "and the model comes back"


@pytest.mark.parametrize("left", [0, 1, 2, 4, 6, 8])
async def test_a_load_that_cannot_open_what_it_needs_says_so_and_leaves_nothing(load: Load, left: int) -> None:
    await (await load()).aclose()  # what is opened once is open
    with only(left), pytest.raises(OutOfDescriptorsError, match=WORDS):
        await carton.load_unpacked(FAULTY_MODEL, **faulty_options())


async def test_a_model_that_cannot_be_started_again_says_so_and_can_be_later(model: carton.Carton) -> None:
    with only(0):
        with pytest.raises(OutOfDescriptorsError, match="cannot start the process of model 'unnamed model'"):
            await model.restart()
        with pytest.raises(OutOfDescriptorsError, match=WORDS):
            await model.infer(x=1)
    assert int((await model.infer(x=1))["out"]) == 1


def test_errors_that_lead_back_to_each_other_are_looked_at_once() -> None:
    kept, effect = carton.StorageError("kept"), carton.StorageError("its effect")
    effect.__cause__, kept.__cause__ = kept, effect
    with pytest.raises(carton.StorageError, match="its effect"), in_need_of_descriptors("look"):
        raise effect
