"""Inputs that a model's process keeps: how many, until when, and what becomes of handles."""

from __future__ import annotations

import asyncio
import gc
import os

import numpy as np
import pytest
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime import InvalidTensorError, ModelError
from carton_runtime.runner_kernels import heartbeat, sealing
from carton_runtime.runner_kernels.gate import Gate
from carton_runtime.runner_kernels.sealing import SealedInputs

# Without methods of its own for sealing; `held` are the inputs that are alive in its process.
PLAIN = """
import gc, time
import numpy as np

class Model:
    def infer_with_tensors(self, tensors):
        time.sleep(float(tensors.get("seconds", 0)))
        if "count" in tensors:
            gc.collect()
            return {"held": sum(type(thing) is np.ndarray and thing.size == 77 for thing in arrays())}
        return {"out": tensors["x"]}

def arrays():
    import carton_runner.serve as serve
    (server,) = [thing for thing in gc.get_objects() if type(thing) is serve.Server]
    return [tensor for kept in server._sealed.values() for tensor in kept.values()]

def get_model():
    return Model()
"""
X = np.arange(77)


@pytest.fixture
async def model(load_code: Load, monkeypatch: pytest.MonkeyPatch) -> carton.Carton:
    monkeypatch.setattr(heartbeat, "BEAT", 0.05)
    return await load_code(PLAIN)


async def held(model: carton.Carton) -> int:
    return int((await model.infer(count=1))["held"])


async def released(model: carton.Carton) -> None:
    async with asyncio.timeout(PATIENCE):
        while await held(model):  # noqa: ASYNC110  the model tells it when it is asked
            await asyncio.sleep(0.02)


async def test_handles_are_counted_on_both_sides(model: carton.Carton) -> None:
    handles = [await model.seal(x=X) for _ in range(3)]
    assert len(model.kernel.sealed) == 3
    assert await held(model) == 3
    await model.infer_with_handle(handles.pop())
    assert len(model.kernel.sealed) == 2
    assert await held(model) == 2


async def test_a_handle_that_nobody_holds_is_released(model: carton.Carton) -> None:
    handle = await model.seal(x=X)
    assert await held(model) == 1
    del handle
    gc.collect()
    await released(model)
    assert len(model.kernel.sealed) == 0


async def test_a_handle_is_released_by_a_call(model: carton.Carton) -> None:
    handle = await model.seal(x=X)
    handle.release()
    handle.release()
    await released(model)
    with pytest.raises(ModelError, match="was never sealed here, or was used already"):
        await model.infer_with_handle(handle)


async def test_a_handle_is_released_after_a_time(model: carton.Carton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "LIFETIME", 0.1)
    handle = await model.seal(x=X)
    await released(model)
    with pytest.raises(ModelError, match="was never sealed here, or was used already"):
        await model.infer_with_handle(handle)


async def test_a_handle_that_is_in_time_is_kept(model: carton.Carton) -> None:
    handle = await model.seal(x=X)
    await asyncio.sleep(10 * heartbeat.BEAT)
    assert (await model.infer_with_handle(handle))["out"].tolist() == X.tolist()


async def test_handles_do_not_outlive_the_process_that_has_the_inputs(model: carton.Carton) -> None:
    handle = await model.seal(x=X)
    await model.restart()
    with pytest.raises(InvalidTensorError, match="its process is gone"):
        await model.infer_with_handle(handle)
    del handle
    gc.collect()
    assert await held(model) == 0


async def test_a_handle_whose_process_has_died_is_refused(model: carton.Carton) -> None:
    handle, kernel = await model.seal(x=X), model.kernel
    os.kill(kernel.pid, 9)
    await settled(lambda: not kernel.is_alive)
    with pytest.raises(InvalidTensorError, match="its process is gone"):
        await model.infer_with_handle(handle)
    assert await held(model) == 0
    with pytest.raises(InvalidTensorError, match="its process is gone"):
        await model.infer_with_handle(handle)


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_handle_never_gets_the_inputs_of_another(model: carton.Carton, blocking: bool) -> None:
    """The process dies while the call waits outside; the next process has other inputs under that number."""
    handle, kernel = await model.seal(x=X), model.kernel
    inside = [1]
    kernel.gate = Gate(1, lambda: inside[0])
    twin = carton.sync.Carton(model)
    call = asyncio.create_task(
        asyncio.to_thread(twin.infer_with_handle, handle) if blocking else model.infer_with_handle(handle)
    )
    await settled(lambda: bool(kernel.gate._waiting))
    await model.restart()
    other = await model.seal(x=X + 1)
    assert other.number == handle.number
    inside[0] = 0
    kernel.gate.let_in()
    with pytest.raises(carton.CartonError):
        await call
    assert (await model.infer_with_handle(other))["out"].tolist() == (X + 1).tolist()


async def test_a_seal_that_is_cancelled_keeps_nothing(model: carton.Carton) -> None:
    for _ in range(20):
        sealing_it = asyncio.create_task(model.seal(x=X))
        await asyncio.sleep(0)
        sealing_it.cancel()
        await asyncio.wait([sealing_it])
        if not sealing_it.cancelled():
            sealing_it.result()
    del sealing_it
    gc.collect()
    await released(model)


async def test_a_handle_whose_call_was_cancelled_before_it_began_keeps_nothing(model: carton.Carton) -> None:
    handle = await model.seal(x=X)
    running = asyncio.create_task(model.infer(x=1, seconds=0.5))
    waiting = asyncio.create_task(model.infer_with_handle(handle))
    await settled(lambda: model.kernel.channel.open_calls == 2)
    waiting.cancel()
    await running
    assert await held(model) == 0


async def test_sealing_overlaps_with_a_call_that_runs(load: Load) -> None:
    """A pipeline: the next inputs are on their way while the model computes."""
    model = await load()
    handles = await asyncio.gather(*(model.seal(x=number) for number in range(4)))
    replies = await asyncio.gather(*(model.infer_with_handle(handle) for handle in handles))
    assert [int(reply["out"]) for reply in replies] == [0, 1, 2, 3]


class Owner:
    """Stands for a handle that somebody holds."""


def test_a_handle_is_told_to_be_released_once() -> None:
    inputs, owner = SealedInputs(), Owner()
    inputs.add(3, handle=1, owner=owner)
    assert inputs.to_release() == []
    inputs.forget(3)
    inputs.forget(3)
    assert inputs.to_release() == [1]
    assert inputs.to_release() == []


def test_a_handle_is_kept_for_whoever_it_was_handed_to() -> None:
    inputs, call, handle = SealedInputs(), Owner(), Owner()
    inputs.add(3, handle=1, owner=call)
    inputs.hand_over(3, handle)
    del call
    assert inputs.to_release() == []
    del handle
    assert inputs.to_release() == [1]


def test_a_handle_that_was_used_is_not_released_again() -> None:
    inputs, owner = SealedInputs(), Owner()
    inputs.add(3, handle=1, owner=owner)
    inputs.take(3)
    del owner
    assert inputs.to_release() == []
    assert len(inputs) == 0


def test_handles_are_due_when_their_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr(sealing, "time", Clock)
    inputs, owner = SealedInputs(), Owner()
    inputs.add(3, handle=1, owner=owner)
    now[0] = 5.0
    inputs.add(4, handle=2, owner=owner)
    now[0] = sealing.LIFETIME + 1.0
    assert inputs.to_release() == [1]
    now[0] = sealing.LIFETIME + 6.0
    assert inputs.to_release() == [2]


def test_a_number_that_the_model_uses_again_is_not_released_with_its_old_handle() -> None:
    inputs, old, new = SealedInputs(), Owner(), Owner()
    inputs.add(3, handle=1, owner=old)
    inputs.take(3)
    inputs.add(4, handle=1, owner=new)
    del old
    assert inputs.to_release() == []
    del new
    assert inputs.to_release() == [1]
