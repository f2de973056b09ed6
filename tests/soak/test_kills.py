"""A model whose process is killed again and again, at random moments, while many call it.

Every caller gets her own answers and typed errors, and none waits for ever.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from kernels.conftest import settled
from soak.steadiness import WITHIN, Record, counts

import carton_runtime as carton
from carton_runtime import InvalidTensorError, KernelDiedError, RestartPolicy, background
from carton_runtime.runner_kernels import registry
from carton_runtime.runner_kernels.kernel import Kernel
from carton_runtime.testing.doubles import FAULTY_MODEL, faulty_options
from carton_runtime.testing.leaks import LeakDetector

CALLERS = 8
LARGE = 1 << 15  # doubles, so that they travel through shared memory
PATIENCE = 60.0  # seconds that anything at all may take, on a machine that is busy
ALWAYS = RestartPolicy(budget=1 << 30, delay=0.0)

Call = Callable[[carton.Carton, int], Awaitable[None]]


# What callers do; each result tells whose it is


async def small(model: carton.Carton, value: int) -> None:
    assert int((await model.infer(x=value))["out"]) == value


async def slow(model: carton.Carton, value: int) -> None:
    assert int((await model.infer(x=value, seconds=0.02))["out"]) == value


async def large(model: carton.Carton, value: int) -> None:
    out = (await model.infer(x=np.full(LARGE, value)))["out"]
    assert (out == value).all()


async def stream(model: carton.Carton, value: int) -> None:
    assert [int(item["out"]) async for item in model.streaming_infer(x=value, items=20)] == list(range(20))


async def sealed(model: carton.Carton, value: int) -> None:
    assert int((await model.infer_with_handle(await model.seal(x=value)))["out"]) == value


async def blocking(model: carton.Carton, value: int) -> None:
    infer = partial(carton.sync.Carton(model).infer, x=np.full(LARGE, value), seconds=0.001)
    out = (await asyncio.get_running_loop().run_in_executor(None, infer))["out"]
    assert (out == value).all()


KINDS: list[Call] = [small, slow, large, stream, sealed, blocking]


class Callers:
    """Call a model until they are told to stop.

    Attributes:
        outcomes: how calls ended, counted: the name of the call for an answer, or "died".
        made: how many calls there were.
    """

    def __init__(self, model: carton.Carton) -> None:
        self.outcomes: Counter[str] = Counter()
        self.made = 0
        self._model = model
        self._stop = False

    async def run(self) -> None:
        await asyncio.gather(*(self._call(number) for number in range(CALLERS)))

    def stop(self) -> None:
        self._stop = True

    async def _call(self, number: int) -> None:
        chance, value = random.Random(number), number
        while not self._stop:
            value += CALLERS  # nobody else's
            self.made += 1
            self.outcomes[await self._outcome(chance.choice(KINDS), value)] += 1

    async def _outcome(self, kind: Call, value: int) -> str:
        try:
            async with asyncio.timeout(PATIENCE):  # a TimeoutError is none of the errors below
                await kind(self._model, value)
        except KernelDiedError:
            return "died"
        except InvalidTensorError as error:
            if "is gone" not in str(error):  # the process that had the inputs of the handle
                raise
            return "died"
        return kind.__name__


# Who kills


def strike_any(chance: random.Random, struck: set[Kernel]) -> None:
    """Kill a process that runs the model or is about to; on the loop that reaps them, so that the number is its own."""
    for kernel in registry.kernels():
        if kernel not in struck and kernel._process.popen.returncode is None:
            struck.add(kernel)
            os.kill(kernel.pid, chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGSEGV]))
            return


async def kill_at_random(count: int) -> None:
    """Kill so many processes, each at a random moment of its life; one in five while it starts."""
    chance, struck = random.Random(1), set[Kernel]()
    while len(struck) < count:
        if chance.random() < 0.8:
            await settled(lambda: any(kernel.is_alive for kernel in registry.kernels()), PATIENCE)
        await asyncio.sleep(0.3 * chance.random() ** 2)
        strike_any(chance, struck)


@counts(10, 2_000)
async def test_random_kills_lose_and_mix_up_nothing(count: int, record_property: Record) -> None:
    detector = LeakDetector()
    pool = ThreadPoolExecutor()  # its threads keep what they park with until they end
    asyncio.get_running_loop().set_default_executor(pool)
    async with await carton.load_unpacked(FAULTY_MODEL, restart_policy=ALWAYS, **faulty_options()) as model:
        callers = Callers(model)
        calling = asyncio.create_task(callers.run())
        await background.run(kill_at_random(count))
        callers.stop()
        async with asyncio.timeout(PATIENCE):
            await calling
        await asyncio.wait_for(small(model, -1), PATIENCE)
    pool.shutdown()
    assert sum(callers.outcomes.values()) == callers.made
    assert callers.outcomes["died"] > count // 10
    assert sum(callers.outcomes[kind.__name__] for kind in KINDS) > count
    record_property("calls", dict(callers.outcomes))
    assert detector.found(WITHIN) == []
