"""The gate: so many inside, the others wait outside in order, whatever thread or loop they are in."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime import CallTimeoutError
from carton_runtime.runner_kernels.gate import Gate


def has_room(gate: Gate, places: int) -> bool:
    """Whether exactly so many may enter."""
    entered = 0
    while gate.try_enter():
        entered += 1
    for _ in range(entered):
        gate.leave()
    return entered == places


async def waiting(gate: Gate, count: int) -> None:
    await settled(lambda: len(gate._waiting) == count)


async def test_so_many_enter_at_once_and_no_more() -> None:
    gate = Gate(2)
    assert [gate.try_enter() for _ in range(3)] == [True, True, False]
    gate.leave()
    assert gate.try_enter()


async def test_who_waits_is_let_in_in_order() -> None:
    gate, order = Gate(1), []
    assert gate.try_enter()

    async def caller(number: int) -> None:
        await gate.enter()
        order.append(number)
        gate.leave()

    tasks = []
    for number in range(5):
        tasks.append(asyncio.create_task(caller(number)))
        await waiting(gate, number + 1)
    assert not gate.try_enter(), "nobody overtakes those who wait"
    gate.leave()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    assert has_room(gate, 1)


async def test_who_is_cancelled_outside_takes_no_place() -> None:
    gate = Gate(1)
    assert gate.try_enter()
    first, second = (asyncio.create_task(gate.enter()) for _ in range(2))
    await waiting(gate, 2)
    first.cancel()
    await asyncio.wait([first])
    gate.leave()
    async with asyncio.timeout(PATIENCE):
        await second
    gate.leave()
    assert has_room(gate, 1)


async def test_who_is_cancelled_when_just_called_hands_the_place_on() -> None:
    gate = Gate(1)
    assert gate.try_enter()
    first, second = (asyncio.create_task(gate.enter()) for _ in range(2))
    await waiting(gate, 2)
    gate.leave()  # calls the first, which has not had a turn yet
    first.cancel()
    async with asyncio.timeout(PATIENCE):
        await second
    assert first.cancelled()
    gate.leave()
    assert has_room(gate, 1)


async def test_waiting_in_a_thread_has_an_end() -> None:
    gate = Gate(0)
    with pytest.raises(TimeoutError):
        await asyncio.to_thread(gate.enter_blocking, 0.05)
    assert not gate._waiting


def test_threads_and_loops_share_it() -> None:
    gate, lock, inside, most = Gate(3), threading.Lock(), [0], [0]

    def count(step: int) -> None:
        with lock:
            inside[0] += step
            most[0] = max(most[0], inside[0])

    async def visit() -> None:
        await gate.enter()
        count(1)
        await asyncio.sleep(0)
        count(-1)
        gate.leave()

    async def visits() -> None:
        await asyncio.gather(*(visit() for _ in range(50)))

    def visit_blocking() -> None:
        for _ in range(50):
            gate.enter_blocking()
            count(1)
            count(-1)
            gate.leave()

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(asyncio.run, visits()) for _ in range(2)]
        done += [pool.submit(visit_blocking) for _ in range(2)]
        assert not wait(done, timeout=PATIENCE).not_done
        assert [future.result() for future in done] == [None] * 4
    assert most[0] <= 3
    assert has_room(gate, 3)


# The gate of a kernel


@pytest.fixture
async def narrow(load: Load) -> carton.Carton:
    """A model whose kernel lets two calls in."""
    model = await load()
    model.kernel.gate = Gate(2)
    return model


async def test_callers_beyond_the_limit_wait_and_are_served(narrow: carton.Carton) -> None:
    replies = await asyncio.gather(*(narrow.infer(x=number) for number in range(20)))
    assert [int(reply["out"]) for reply in replies] == list(range(20))
    assert has_room(narrow.kernel.gate, 2)


async def test_a_call_that_cannot_even_begin_times_out(narrow: carton.Carton) -> None:
    running = [asyncio.create_task(narrow.infer(seconds=1000.0)) for _ in range(2)]
    await settled(lambda: len(narrow.kernel.channel.calls) == 2)
    with pytest.raises(CallTimeoutError, match=r"did not take the call within 0\.1 s"):
        await narrow.infer({"x": 1}, timeout=0.1)
    with pytest.raises(CallTimeoutError, match=r"did not take the call within 0\.1 s"):
        await asyncio.to_thread(carton.sync.Carton(narrow).infer, {"x": 1}, timeout=0.1)
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert int((await narrow.infer(x=1))["out"]) == 1
    assert has_room(narrow.kernel.gate, 2)


async def test_a_call_that_fails_in_any_way_leaves_the_gate(narrow: carton.Carton) -> None:
    for inputs in ({"phase": "infer", "fault": "full_disk"}, {"phase": "infer", "fault": "exit"}):
        gate = narrow.kernel.gate
        with pytest.raises(carton.CartonError):
            await narrow.infer(inputs)
        assert has_room(gate, 2)
