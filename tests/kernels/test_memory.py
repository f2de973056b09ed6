"""Shared memory, from a caller's side: what costs no copy, what is bounded, and what happens when it is missing."""

from __future__ import annotations

import asyncio
import gc
import os

import numpy as np
import pytest
from kernels.conftest import Load, settled

import carton_runtime as carton
from carton_runtime import KernelDiedError, background
from carton_runtime._child.carton_wire import memory as module
from carton_runtime.runner_kernels.trimming import trim_both
from carton_runtime.testing.leaks import mapped_regions

SIZE = 1 << 20

FORCED = """
import gc
(memory,) = [thing for thing in gc.get_objects() if type(thing).__name__ == "Memory"]
memory._sock = None  # as where there is no memfd
"""

CODE = """
import os
import numpy as np
from carton_runner import api

kept = []

def run(tensors):
    do = str(tensors.get("do", "echo"))
    x = tensors["x"]
    if do == "echo":
        return {"out": x}
    if do == "double":
        return {"out": x * 2}
    if do == "slice":
        return {"out": x[1000:200_000]}
    if do == "transposed":
        return {"out": x.reshape(1024, -1).T}
    if do == "both":
        return {"out": x, "again": x, "part": x[: len(x) // 2]}
    if do == "keep":
        kept.append(x)
        return {"out": len(kept)}
    if do == "forget":
        kept.clear()
        return {"out": 0}
    if do == "alloc":
        out = api.alloc_tensor(x.shape, x.dtype)
        np.multiply(x, 3, out=out)
        return {"out": out}
    if do == "write":
        x[:] = 7
        return {"out": 1}
    if do == "die":
        os._exit(1)

class Model:
    def infer_with_tensors(self, tensors):
        return run(tensors)

def get_model():
    return Model()
"""


@pytest.fixture
async def model(load_code: Load) -> carton.Carton:
    return await load_code(CODE)


def address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


def data(size: int = SIZE) -> np.ndarray:
    return np.arange(size, dtype=np.uint8)


async def test_an_allocated_tensor_goes_and_comes_back_without_a_copy(model: carton.Carton) -> None:
    x = model.alloc_tensor((SIZE,), np.uint8)
    x[:] = data()
    reply = await model.infer(x=x)
    assert address(reply["out"]) == address(x), "the echo is the very same memory"
    assert model.kernel.memory.regions == 1


async def test_what_the_model_writes_into_its_input_is_in_the_callers_array(model: carton.Carton) -> None:
    x = model.alloc_tensor((SIZE,), np.uint8)
    await model.infer(x=x, do="write")
    assert (x == 7).all()


async def test_an_ordinary_input_is_not_changed_by_the_model(model: carton.Carton) -> None:
    x = data()
    await model.infer(x=x, do="write")
    assert np.array_equal(x, data())


async def test_what_the_wire_does_not_carry_is_refused_and_borrows_no_memory(model: carton.Carton) -> None:
    with pytest.raises(carton.errors.ProtocolError, match="cannot be sent: tensor 'y' has strings of"):
        await model.infer(x=data(), y=np.zeros(0, "U10000000"))
    with pytest.raises(carton.InvalidTensorError, match="input 'y': the strings hold what is no character"):
        await model.infer(x=data(), y=np.frombuffer(b"\xff" * 4, "U1"))
    assert model.kernel.memory.regions == 0
    pid = model.kernel.pid
    assert np.array_equal((await model.infer(x=data()))["out"], data())
    assert (model.kernel.memory.regions, model.kernel.pid) == (1, pid)


@pytest.mark.parametrize("do", ["double", "alloc"])
async def test_memory_goes_back_to_the_pool_with_the_last_array(model: carton.Carton, do: str) -> None:
    for _ in range(50):
        reply = await model.infer(x=data(), do=do)
        assert reply["out"][5] == 5 * (2 if do == "double" else 3)
        del reply
    assert model.kernel.memory.regions <= 4, "two of either side would do"


async def test_memory_is_not_used_again_while_an_array_looks_at_it(model: carton.Carton) -> None:
    replies = [(await model.infer(x=data() + np.uint8(number), do="double"))["out"][3:] for number in range(10)]
    for number, out in enumerate(replies):
        assert np.array_equal(out, ((data() + np.uint8(number)) * 2)[3:]), number


async def test_memory_that_the_model_keeps_is_not_used_again(model: carton.Carton) -> None:
    for _ in range(5):
        await model.infer(x=data(), do="keep")
    assert model.kernel.memory.regions >= 5
    await model.infer(x=1, do="forget")
    for _ in range(20):
        await model.infer(x=data())
    assert model.kernel.memory.regions <= 6


@pytest.mark.parametrize("do", ["slice", "transposed", "both"])
async def test_views_of_the_input_come_back_right(model: carton.Carton, do: str) -> None:
    x = data()
    reply = await model.infer(x=x, do=do)
    if do == "slice":
        assert np.array_equal(reply["out"], x[1000:200_000])
    elif do == "transposed":
        assert np.array_equal(reply["out"], x.reshape(1024, -1).T)
    else:
        assert np.array_equal(reply["out"], x)
        assert np.array_equal(reply["again"], x)
        assert np.array_equal(reply["part"], x[: SIZE // 2])


@pytest.mark.parametrize(
    "view", [lambda x: x[::2], lambda x: x[::-1], lambda x: x.reshape(1024, -1).T, lambda x: x[5:-5]]
)
async def test_views_of_allocated_memory_are_sent_as_what_they_are(model: carton.Carton, view: object) -> None:
    x = model.alloc_tensor((SIZE,), np.uint8)
    x[:] = data()
    assert np.array_equal((await model.infer(x=view(x), do="double"))["out"], view(x) * np.uint8(2))


async def test_what_is_kept_of_a_dead_kernel_stays_whole(model: carton.Carton) -> None:
    x = model.alloc_tensor((SIZE,), np.uint8)
    x[:] = 5
    out = (await model.infer(x=data(), do="double"))["out"]
    with pytest.raises(KernelDiedError):
        await model.infer(x=x, do="die")
    await settled(lambda: mapped_regions() == 2)
    assert np.array_equal(out, data() * np.uint8(2))
    assert (x == 5).all()
    x[:] = 6
    assert (await model.infer(x=x, do="double"))["out"][0] == 12, "also as an input of the next kernel"
    del x, out
    gc.collect()


async def test_idle_memory_is_given_back_on_both_sides(model: carton.Carton, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = model.kernel
    for size in (SIZE, 4 * SIZE, 16 * SIZE):
        await model.infer(x=data(size), do="double")
    assert kernel.memory.regions >= 4
    assert mapped_regions(kernel.pid) >= 4
    monkeypatch.setattr(module, "_LONGEST_IDLE", 0.0)
    monkeypatch.setattr(module.Memory.trim, "__defaults__", (0.0,))
    await background.run(trim_both(kernel.channel, kernel.memory))
    await model.infer(x=1)
    assert kernel.memory.pooled_bytes == 0
    await settled(lambda: mapped_regions(kernel.pid) <= 3), "what is the kernel's own goes after its own time"


async def test_the_pool_is_bounded(model: carton.Carton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_IDLE", 4 * SIZE)
    arrays = [model.alloc_tensor((SIZE,), np.uint8) for _ in range(16)]
    await asyncio.gather(*(model.infer(x=x) for x in arrays))
    assert model.kernel.memory.pooled_bytes == 16 * SIZE
    del arrays
    for _ in range(3):
        await model.infer(x=1)
        model.kernel.memory.trim(1000.0)
    assert model.kernel.memory.pooled_bytes <= 5 * SIZE


async def test_a_caller_may_keep_what_very_many_calls_gave_her(model: carton.Carton) -> None:
    kept = [(await model.infer(x=data(1 << 16) + np.uint8(number % 256), do="double"))["out"] for number in range(500)]
    assert model.kernel.memory.regions < 300, "each costs a descriptor, of which a process has a thousand"
    for number, out in enumerate(kept):
        assert np.array_equal(out, (data(1 << 16) + np.uint8(number % 256)) * 2), number


@pytest.mark.parametrize("do", ["echo", "double", "slice", "transposed", "both", "alloc"])
async def test_without_memfd_everything_comes_out_the_same(
    load_code: Load, do: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = await load_code(CODE)
    expected = await with_it.infer(x=data(), do=do)
    monkeypatch.delattr(os, "memfd_create")
    without = await load_code(CODE + FORCED)
    before = mapped_regions()
    found = await without.infer(x=data(), do=do)
    assert mapped_regions() == before
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    x = without.alloc_tensor((SIZE,), np.uint8)
    x[:] = 1
    assert (await without.infer(x=x))["out"].sum() == SIZE


async def test_callers_at_once_do_not_get_each_others_memory(model: carton.Carton) -> None:
    async def caller(number: int) -> None:
        for turn in range(10):
            value = np.uint8(number * 10 + turn)
            x = np.full(SIZE // 8, value)
            assert ((await model.infer(x=x, do="double"))["out"] == np.uint8(value * 2)).all()

    await asyncio.gather(*(caller(number) for number in range(6)))


async def test_cancelled_calls_give_their_memory_back(model: carton.Carton) -> None:
    for _ in range(30):
        call = asyncio.create_task(model.infer(x=data(), do="double"))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
    for _ in range(3):
        await model.infer(x=data(), do="double")
    del call
    gc.collect()
    await model.infer(x=1)
    assert model.kernel.memory.regions <= 40
    before = model.kernel.memory.regions
    for _ in range(50):
        await model.infer(x=data(), do="double")
    assert model.kernel.memory.regions <= before
