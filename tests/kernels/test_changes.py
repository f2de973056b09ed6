"""Being told of a kernel's changes of state."""

from __future__ import annotations

import asyncio

import pytest

import carton_runtime as carton
from carton_runtime import background
from carton_runtime.runner_kernels.record import KernelState


async def test_a_listener_is_told_of_each_change_of_state_once(model: carton.Carton) -> None:
    told: list[KernelState] = []
    model.kernel.on_change(told.append)
    await asyncio.gather(model.infer(), model.infer())
    assert told == [KernelState.BUSY, KernelState.IDLE]


async def test_a_listener_is_told_of_a_death_that_nobody_waits_for(model: carton.Carton) -> None:
    loop, dead = asyncio.get_running_loop(), asyncio.Event()

    def tell(state: KernelState) -> None:
        if state is KernelState.DEAD:
            loop.call_soon_threadsafe(dead.set)

    model.kernel.on_change(tell)
    model.kernel.kill()
    async with asyncio.timeout(20):
        await dead.wait()


async def test_a_listener_that_was_taken_back_is_told_nothing(model: carton.Carton) -> None:
    told: list[KernelState] = []
    model.kernel.on_change(told.append)()
    await model.infer()
    assert told == []


async def test_taking_a_listener_back_twice_takes_back_no_other(model: carton.Carton) -> None:
    told: list[KernelState] = []
    model.kernel.on_change(told.append)
    stop = model.kernel.on_change(told.append)
    stop()
    stop()
    await model.infer()
    assert told == [KernelState.BUSY, KernelState.IDLE]


async def test_a_listener_is_told_of_the_kernel_that_replaces_a_dead_one(model: carton.Carton) -> None:
    told: list[KernelState] = []
    stop = model.kernel.on_change(told.append)
    model.kernel.kill()
    await background.run(model.kernel.ended())
    await model.infer()
    kernel = [KernelState.STARTING, KernelState.IDLE, KernelState.BUSY, KernelState.IDLE]
    assert told == [KernelState.DEAD, *kernel]
    stop()
    await model.infer()
    assert told == [KernelState.DEAD, *kernel], "what was taken back is told nothing by the new one either"


async def test_a_listener_is_told_of_a_kernel_that_is_started_anew(model: carton.Carton) -> None:
    told: list[KernelState] = []
    model.kernel.on_change(told.append)
    await model.restart()
    assert told == [KernelState.DEAD, KernelState.STARTING, KernelState.IDLE]


async def test_a_listener_that_fails_costs_nobody_anything(
    model: carton.Carton, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    told: list[KernelState] = []
    model.kernel.on_change(lambda _: loop.call_soon_threadsafe(print))
    model.kernel.on_change(told.append)
    assert int((await model.infer(x=1))["out"]) == 1
    await model.restart()
    assert int((await model.infer(x=1))["out"]) == 1
    assert told[:2] == [KernelState.BUSY, KernelState.IDLE], "nor another one her news"
    assert "Event loop is closed" in capsys.readouterr().err
