"""Coroutines of several calls share an event loop: giving up one of them reaches that one, and waits for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime import KernelDiedError
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
