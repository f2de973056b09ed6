"""Coroutines of several calls share an event loop: giving up one of them reaches that one, and waits for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime import CallCancelledError, KernelDiedError, ModelError
from carton_runtime.runner_kernels.cancelling import CancelLimits

MODEL = """
import asyncio, pathlib, time

class Model:
    max_concurrency = 4
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    async def infer_with_tensors(self, tensors):
        do = str(tensors["do"])
        self.mark("began " + do)
        await getattr(self, do)()
        return {"out": do}

    def mark(self, name):
        (self.folder / name).touch()

    async def plain(self):
        await asyncio.sleep(0)

    async def loops(self):
        while True:
            pass

    async def sleeps(self):
        time.sleep(60)

    async def hogs(self):
        while not (self.folder / "enough").exists():
            time.sleep(0.01)

    async def cleans_up(self):
        try:
            await asyncio.sleep(60)
        finally:
            self.mark("cleaning up")
            while not (self.folder / "clean").exists():
                await asyncio.sleep(0.01)

    async def goes_on(self):
        while not (self.folder / "enough").exists():
            with __import__("contextlib").suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

def get_model(folder: str):
    return Model(folder)
"""


@pytest.fixture
async def model(quick: None, load_code: Load, tmp_path: Path) -> carton.Carton:
    return await load_code(MODEL, opts={"model.folder": str(tmp_path)})


@pytest.fixture
def begun(model: carton.Carton, tmp_path: Path) -> Callable[[str], object]:
    """Begin a call, and wait until the model is at work on it."""

    async def begin(do: str) -> asyncio.Task[object]:
        task = asyncio.create_task(model.infer(do=do))
        await settled((tmp_path / f"began {do}").exists)
        return task

    return begin


async def given_up(call: asyncio.Task[object]) -> None:
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def plain_works(model: carton.Carton) -> None:
    async with asyncio.timeout(PATIENCE):
        assert str((await model.infer(do="plain"))["out"]) == "plain"


async def test_a_coroutine_that_awaits_nothing_is_interrupted_and_the_others_go_on(
    model: carton.Carton, begun: Callable
) -> None:
    pid = model.kernel.pid
    call = await begun("loops")
    other = asyncio.create_task(model.infer(do="plain"))
    await given_up(call)
    async with asyncio.timeout(PATIENCE):
        assert str((await other)["out"]) == "plain"
    await plain_works(model)
    assert model.kernel.pid == pid


async def test_a_coroutine_in_native_code_is_ended_with_its_process_and_the_model_comes_back(
    model: carton.Carton, begun: Callable
) -> None:
    pid = model.kernel.pid
    call = await begun("sleeps")
    other = asyncio.create_task(model.infer(do="plain"))
    await given_up(call)
    with pytest.raises(KernelDiedError, match="a cancelled call did not stop"):
        await other
    await plain_works(model)
    assert model.kernel.pid != pid


async def test_one_that_waits_behind_another_is_not_what_the_model_is_ended_for(
    model: carton.Carton, begun: Callable, tmp_path: Path
) -> None:
    pid = model.kernel.pid
    hog = await begun("hogs")
    waiting = asyncio.create_task(model.infer(do="plain"))
    await settled(lambda: len(model.kernel.channel.calls) == 2)
    await given_up(waiting)
    limits = model.kernel.limits
    await asyncio.sleep(2 * (limits.told + limits.interrupted))  # until it would have been
    (tmp_path / "enough").touch()
    assert str((await hog)["out"]) == "hogs"
    assert model.kernel.pid == pid


async def test_one_that_does_not_mind_being_cancelled_is_ended_with_its_process(
    model: carton.Carton, begun: Callable
) -> None:
    pid = model.kernel.pid
    await given_up(await begun("goes_on"))
    with suppress(KernelDiedError):
        await settled(lambda: not model.kernel.is_alive or model.kernel.pid != pid)
    await plain_works(model)
    assert model.kernel.pid != pid


async def test_a_call_is_over_when_its_coroutine_has_cleaned_up(
    load_code: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = CancelLimits(told=PATIENCE)
    monkeypatch.setattr("carton_runtime.runner_kernels.kernel.CancelLimits", lambda: patient)
    model = await load_code(MODEL, opts={"model.folder": str(tmp_path)})
    call = asyncio.create_task(model.infer(do="cleans_up"))
    await settled((tmp_path / "began cleans_up").exists)
    await given_up(call)
    await settled((tmp_path / "cleaning up").exists)
    await plain_works(model)
    assert len(model.kernel.channel.calls) == 1
    (tmp_path / "clean").touch()
    await settled(lambda: not model.kernel.channel.calls)
    await plain_works(model)


MORE = """
import asyncio, sys
import numpy as np

class Model:
    max_concurrency = 4
    def __init__(self):
        self.matrix = np.ones((1500, 1500))

    async def infer_with_tensors(self, tensors):
        do = str(tensors["do"])
        print("began", do, flush=True)
        return await getattr(self, do)()

    async def plain(self):
        return {"out": "plain"}

    async def computes_in_a_task_of_its_own(self):
        async def loops():
            while True:
                pass
        await asyncio.gather(loops())

    async def ends_in_one_operator(self):
        for _ in range(40):
            result = self.matrix @ self.matrix
        return {"out": result}

    async def gives_a_plain_generator(self):
        def items():
            while True:
                sum(range(1000))
            yield {"out": 1}
        return items()

    async def exits(self):
        sys.exit(3)

    async def stops_the_loop(self):
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0)
        return {"out": "stopped"}

def get_model():
    return Model()
"""


@pytest.mark.parametrize("do", ["computes_in_a_task_of_its_own", "ends_in_one_operator", "gives_a_plain_generator"])
async def test_an_interrupt_ends_what_is_computed_wherever_that_is(load_code: Load, do: str) -> None:
    model = await load_code(MORE)
    pid = model.kernel.pid
    call = asyncio.create_task(model.infer(do=do))
    await settled(lambda: any(do in line.text for line in model.kernel.log))
    model.interrupt()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(CallCancelledError):
            await call
    await plain_works(model)
    assert model.kernel.pid == pid


async def test_one_that_exits_fails_its_call_and_nothing_else(load_code: Load) -> None:
    model = await load_code(MORE)
    pid = model.kernel.pid
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ModelError, match="SystemExit: 3"):
            await model.infer(do="exits")
    await plain_works(model)
    assert model.kernel.pid == pid


async def test_one_that_stops_the_loop_stops_nobody(load_code: Load) -> None:
    model = await load_code(MORE)
    async with asyncio.timeout(PATIENCE):
        assert str((await model.infer(do="stops_the_loop"))["out"]) == "stopped"
    await plain_works(model)


async def test_an_interrupt_cuts_no_clean_up_short(load_code: Load, tmp_path: Path) -> None:
    model = await load_code(MODEL, opts={"model.folder": str(tmp_path)})
    call = asyncio.create_task(model.infer(do="cleans_up"))
    await settled((tmp_path / "began cleans_up").exists)
    model.interrupt()
    await settled((tmp_path / "cleaning up").exists)
    await plain_works(model)
    assert not call.done()
    (tmp_path / "clean").touch()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(CallCancelledError):
            await call
