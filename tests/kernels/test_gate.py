"""The gate: so many inside, the others wait outside in order, whatever thread or loop they are in."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

import pytest
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime import CallTimeoutError
from carton_runtime.runner_kernels.gate import Gate, _Ticket


class Inside:
    """Those who went through a gate: what a kernel's open calls are."""

    def __init__(self, limit: int) -> None:
        self.count = 0
        self.gate = Gate(limit, lambda: self.count)

    def try_enter(self) -> bool:
        self.count += (is_open := self.gate.is_open)
        return is_open

    async def enter(self) -> None:
        await self.gate.enter()
        self.count += 1

    def enter_blocking(self) -> None:
        self.gate.enter_blocking()
        self.count += 1

    def leave(self) -> None:
        self.count -= 1
        self.gate.let_in()


async def waiting(inside: Inside, count: int) -> None:
    await settled(lambda: len(inside.gate._waiting) == count)


async def test_so_many_enter_at_once_and_no_more() -> None:
    inside = Inside(2)
    assert [inside.try_enter() for _ in range(3)] == [True, True, False]
    inside.leave()
    assert inside.try_enter()


async def test_who_waits_is_let_in_in_order() -> None:
    inside, order = Inside(1), []
    assert inside.try_enter()

    async def caller(number: int) -> None:
        await inside.enter()
        order.append(number)
        inside.leave()

    tasks = []
    for number in range(5):
        tasks.append(asyncio.create_task(caller(number)))
        await waiting(inside, number + 1)
    assert not inside.try_enter(), "nobody overtakes those who wait"
    inside.leave()
    assert not inside.try_enter(), "nor those who were just called"
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    assert inside.try_enter()


async def test_who_is_cancelled_outside_takes_no_place() -> None:
    inside = Inside(1)
    assert inside.try_enter()
    first, second = (asyncio.create_task(inside.enter()) for _ in range(2))
    await waiting(inside, 2)
    first.cancel()
    await asyncio.wait([first])
    inside.leave()
    async with asyncio.timeout(PATIENCE):
        await second
    inside.leave()
    assert inside.try_enter()


async def test_who_is_cancelled_when_just_called_hands_the_place_on() -> None:
    inside = Inside(1)
    assert inside.try_enter()
    first, second = (asyncio.create_task(inside.enter()) for _ in range(2))
    await waiting(inside, 2)
    inside.leave()  # calls the first, which has not had a turn yet
    first.cancel()
    async with asyncio.timeout(PATIENCE):
        await second
    assert first.cancelled()
    inside.leave()
    assert inside.try_enter()


async def test_a_ticket_that_was_lost_holds_nobody_up() -> None:
    """As when an interrupt strikes between two steps of entering."""
    inside = Inside(1)
    assert inside.try_enter()
    lost = [_Ticket(), _Ticket()]
    for ticket in lost:
        inside.gate._queue(ticket)
    inside.leave()
    assert lost[0].is_called
    waits = asyncio.create_task(inside.enter())
    await waiting(inside, 2)
    del ticket
    lost.clear()
    async with asyncio.timeout(PATIENCE):
        await waits
    inside.leave()
    assert inside.try_enter()


async def test_waiting_in_a_thread_has_an_end() -> None:
    inside = Inside(0)
    assert not await asyncio.to_thread(inside.gate.enter_blocking, 0.05)
    assert not inside.gate._waiting


def test_threads_and_loops_share_it() -> None:
    inside, lock, visits = Inside(3), threading.Lock(), [0]

    def leave() -> None:
        with lock:
            visits[0] += 1
            inside.count -= 1
        inside.gate.let_in()

    def go_in() -> None:
        with lock:
            inside.count += 1

    async def visit() -> None:
        await inside.gate.enter()
        go_in()
        await asyncio.sleep(0)
        leave()

    async def visit_often() -> None:
        await asyncio.gather(*(visit() for _ in range(50)))

    def visit_blocking() -> None:
        for _ in range(50):
            inside.gate.enter_blocking()
            go_in()
            leave()

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(asyncio.run, visit_often()) for _ in range(2)]
        done += [pool.submit(visit_blocking) for _ in range(2)]
        assert not wait(done, timeout=PATIENCE).not_done
        assert [future.result() for future in done] == [None] * 4
    assert visits == [200]
    assert inside.try_enter()


# The gate of a kernel


def is_empty(gate: Gate) -> bool:
    return gate._inside() == 0


def narrow_to(kernel: carton.Kernel, limit: int) -> None:
    kernel.gate = Gate(limit, lambda: kernel.channel.open_calls)


@pytest.fixture
async def narrow(load: Load) -> carton.Carton:
    """A model whose kernel lets two calls in."""
    model = await load()
    narrow_to(model.kernel, 2)
    return model


async def test_callers_beyond_the_limit_wait_and_are_served(narrow: carton.Carton) -> None:
    replies = await asyncio.gather(*(narrow.infer(x=number) for number in range(20)))
    assert [int(reply["out"]) for reply in replies] == list(range(20))
    assert narrow.kernel.gate.is_open


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
    assert narrow.kernel.gate.is_open


async def test_a_call_that_fails_in_any_way_leaves_the_gate(narrow: carton.Carton) -> None:
    for inputs in ({"phase": "infer", "fault": "full_disk"}, {"phase": "infer", "fault": "exit"}):
        gate = narrow.kernel.gate
        with pytest.raises(carton.CartonError):
            await narrow.infer(inputs)
        await settled(partial(is_empty, gate))
