"""Very many calls, cancelled calls, loads: each leaves things as they were."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from kernels.strikes import Interrupter
from soak.steadiness import Record, counts, steady

import carton_runtime as carton
from carton_runtime import CallTimeoutError
from carton_runtime.testing.doubles import FAULTY_MODEL, faulty_options

CALLERS = 8
FOREVER = 1000.0  # seconds
LARGE = 1 << 15  # doubles, so that they travel through shared memory


@pytest.fixture
async def model() -> AsyncIterator[carton.Carton]:
    async with await carton.load_unpacked(FAULTY_MODEL, **faulty_options()) as model:
        yield model


# Calls


async def one_call(model: carton.Carton, number: int) -> None:
    """A call, of one kind or another, that gets its own answer."""
    if number % 100 == 0:
        assert (await model.infer(x=np.full(LARGE, number)))["out"][-1] == number
    elif number % 100 == 1:
        assert [int(item["out"]) async for item in model.streaming_infer(x=0, items=3)] == [0, 1, 2]
    elif number % 100 == 2:
        assert int((await model.infer_with_handle(await model.seal(x=number)))["out"]) == number
    elif number % 100 < 10:
        assert int((await asyncio.to_thread(carton.sync.Carton(model).infer, x=number))["out"]) == number
    else:
        assert int((await model.infer(x=number))["out"]) == number


async def many_calls(model: carton.Carton, first: int, count: int) -> None:
    numbers = iter(range(first, first + count))

    async def caller() -> None:
        for number in numbers:
            await one_call(model, number)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


@counts(2_000, 100_000)
async def test_calls_leave_things_as_they_were(count: int, model: carton.Carton, record_property: Record) -> None:
    kernel = model.kernel
    await many_calls(model, 0, 1_000)
    with steady(record_property):
        await many_calls(model, 1_000, count)
    assert model.kernel is kernel
    assert kernel.channel.open_calls == 0
    assert len(kernel.sealed) == 0


# Cancelled calls


class Leaver:
    """Makes calls and gives them up, in one way or another, at random moments.

    Attributes:
        left: how many calls were given up, by how.
    """

    def __init__(self, model: carton.Carton, seed: int = 0) -> None:
        self.left: Counter[str] = Counter()
        self._model = model
        self._chance = random.Random(seed)

    async def leave(self, count: int) -> None:
        """Give up `count` further calls."""
        enough = sum(self.left.values()) + count

        async def caller() -> None:
            while sum(self.left.values()) < enough:
                way = self._chance.choice([self._cancelled, self._timed_out, self._too_long, self._left_early])
                if await way(0.004 * self._chance.random()):
                    self.left[way.__name__] += 1

        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    def _inputs(self) -> dict[str, float]:
        """Of a call that takes a moment; of some that would never end."""
        seconds = FOREVER if self._chance.random() < 0.005 else 0.002 * self._chance.random()
        return {"x": self._chance.random(), "seconds": seconds}

    async def _cancelled(self, moment: float) -> bool:
        inputs = self._inputs()
        work = self._model.seal(inputs) if self._chance.random() < 0.2 else self._model.infer(inputs)
        task = asyncio.create_task(work)
        await asyncio.sleep(moment)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    async def _timed_out(self, moment: float) -> bool:
        inputs = self._inputs()
        try:
            async with asyncio.timeout(moment):
                assert (await self._model.infer(inputs))["out"] == inputs["x"]
        except TimeoutError:
            return True
        return False

    async def _too_long(self, moment: float) -> bool:
        inputs = self._inputs()
        try:
            assert (await self._model.infer(inputs, timeout=moment))["out"] == inputs["x"]
        except CallTimeoutError:
            return True
        return False

    async def _left_early(self, moment: float) -> bool:
        results = self._model.streaming_infer(x=0, items=20)
        async for _ in results:
            break
        await results.aclose()
        return True


@counts(200, 10_000)
async def test_cancelled_calls_leave_things_as_they_were(
    count: int, model: carton.Carton, record_property: Record
) -> None:
    kernel, leaver = model.kernel, Leaver(model)
    await leaver.leave(200)
    with steady(record_property):
        await leaver.leave(count)
    assert int((await model.infer(x=7))["out"]) == 7
    assert model.kernel is kernel, "no call had to be ended by force"
    record_property("given up", dict(leaver.left))


def interrupted(model: carton.sync.Carton, strikes: Interrupter, chance: random.Random, count: int) -> None:
    """Interrupt `count` blocking calls."""
    while count:
        value = chance.random()
        inputs = {"x": value, "seconds": FOREVER if value < 0.005 else 0.002 * chance.random()}
        if not strikes.finished(partial(answered, model, inputs), 0.003 * chance.random()):
            count -= 1


def answered(model: carton.sync.Carton, inputs: dict[str, float]) -> None:
    assert model.infer(inputs)["out"] == inputs["x"]


@counts(100, 2_500)
def test_interrupted_calls_leave_things_as_they_were(count: int, record_property: Record) -> None:
    with carton.sync.load_unpacked(FAULTY_MODEL, **faulty_options()) as model, Interrupter() as strikes:
        kernel, chance = model.kernel, random.Random(0)
        answered(model, {"x": 0.5})  # imports what a call needs: an interrupted import is no matter of ours
        interrupted(model, strikes, chance, 100)
        with steady(record_property):
            interrupted(model, strikes, chance, count)
        assert int(model.infer(x=7)["out"]) == 7
        assert model.kernel is kernel, "no call had to be ended by force"


# Loads


@counts(5, 1_000)
async def test_loads_leave_things_as_they_were(count: int, double_carton: Path, record_property: Record) -> None:
    async def load_and_close(number: int) -> None:
        async with await carton.load(double_carton) as model:
            assert int((await model.infer(x=number))["out"]) == 2 * number

    for number in range(3):
        await load_and_close(number)
    with steady(record_property):
        for number in range(count):
            await load_and_close(number)
