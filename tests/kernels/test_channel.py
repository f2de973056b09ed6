"""Many callers on one kernel: threads, event loops and the blocking twin, each with their own replies."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from typing import Any

import numpy as np
import pytest
from child.tools import piped
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import WIRE_VERSION, Codec, Kind, Message
from carton_runtime.background import run_blocking
from carton_runtime.model import WINDOW
from carton_runtime.runner_kernels import channel
from carton_runtime.testing.leaks import open_descriptors

HELLO = {"wire": WIRE_VERSION, "pid": 1, "python": "", "numpy": ""}

ECHO = """
import time
import numpy as np

made = []

class Model:
    def infer_with_tensors(self, tensors):
        if "items" in tensors:
            return self.stream(int(tensors["items"]), tensors.get("size", np.int64(1)))
        if "made" in tensors:
            return {"made": len(made)}
        return {"out": tensors["x"]}

    def stream(self, items, size):
        made.clear()
        for item in range(items):
            made.append(item)
            yield {"out": np.full(int(size), item)}

def get_model():
    return Model()
"""
WAITING = """
import asyncio

class Model:
    async def infer_with_tensors(self, tensors):
        if tensors["x"] == 1:
            await asyncio.sleep(3600)
        return {"out": tensors["x"]}

def get_model():
    return Model()
"""
COUNT = 200


@pytest.fixture
async def model(load_code: Load) -> carton.Carton:
    return await load_code(ECHO)


def in_a_loop_of_its_own(model: carton.Carton, start: int) -> list[int]:
    async def calls() -> list[int]:
        return [int((await model.infer(x=start + number))["out"]) for number in range(COUNT)]

    return asyncio.run(calls())


def in_a_loop_at_once(model: carton.Carton, start: int) -> list[int]:
    async def calls() -> list[int]:
        replies = await asyncio.gather(*(model.infer(x=start + number) for number in range(COUNT)))
        return [int(reply["out"]) for reply in replies]

    return asyncio.run(calls())


def in_a_thread(model: carton.Carton, start: int) -> list[int]:
    twin = carton.sync.Carton(model)
    return [int(twin.infer(x=start + number)["out"]) for number in range(COUNT)]


def in_a_stream(model: carton.Carton, start: int) -> list[int]:
    del start
    with closing(carton.sync.Carton(model).streaming_infer(items=COUNT)) as stream:
        return [int(item["out"][0]) for item in stream]


async def test_callers_of_every_kind_at_once_get_their_own_replies(model: carton.Carton) -> None:
    kinds = [in_a_loop_of_its_own, in_a_loop_at_once, in_a_thread] * 2 + [in_a_stream]
    with ThreadPoolExecutor(len(kinds)) as pool:
        loop = asyncio.get_running_loop()
        found = await asyncio.gather(
            *(loop.run_in_executor(pool, kind, model, 1000 * number) for number, kind in enumerate(kinds))
        )
    for number, (kind, replies) in enumerate(zip(kinds, found, strict=True)):
        start = 0 if kind is in_a_stream else 1000 * number
        assert replies == list(range(start, start + COUNT)), kind.__name__
    assert model.kernel.channel.open_calls == 0


async def test_large_and_small_calls_at_once_get_their_own_replies(model: carton.Carton) -> None:
    async def caller(size: int, value: int) -> None:
        for _ in range(20):
            assert ((await model.infer(x=np.full(size, value)))["out"] == value).all()

    sizes = (1, 100, 5_000, 50_000, 500_000)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(caller(size, value) for value, size in enumerate(sizes * 2)))


async def test_a_model_runs_no_further_ahead_of_a_slow_reader_than_the_window(model: carton.Carton) -> None:
    async with aclosing(model.streaming_infer(items=10_000)) as stream:
        for _ in range(3):
            await anext(stream)
        made = int((await model.infer(made=1))["made"])
    assert 3 <= made <= WINDOW + 4


@pytest.mark.parametrize("size", [1, 200_000])
async def test_a_reader_who_sleeps_blocks_nobody(model: carton.Carton, size: int) -> None:
    async with aclosing(model.streaming_infer(items=1000, size=size)) as stream:
        await anext(stream)
        async with asyncio.timeout(PATIENCE):
            for number in range(100):
                assert int((await model.infer(x=number))["out"]) == number
        rest = [int(item["out"][0]) async for item in stream]
    assert rest == list(range(1, 1000))


def test_a_reader_whose_thread_sleeps_blocks_nobody(model_in_a_thread: carton.sync.Carton) -> None:
    model, go, taken = model_in_a_thread, threading.Event(), []

    def reader() -> None:
        with closing(model.streaming_infer(items=500)) as stream:
            taken.append(next(stream))
            go.wait(PATIENCE)
            taken.extend(stream)

    thread = threading.Thread(target=reader)
    thread.start()
    try:
        for number in range(100):
            assert int(model.infer(x=number)["out"]) == number
    finally:
        go.set()
        thread.join(PATIENCE)
    assert [int(item["out"][0]) for item in taken] == list(range(500))


@pytest.fixture
def model_in_a_thread(code_dir: object, _leaves_nothing: None) -> object:
    from fix_models import options_for

    with carton.sync.load_unpacked(code_dir(ECHO), **options_for({})) as model:
        yield model


@pytest.mark.timeout(60)
def test_a_stream_that_becomes_garbage_while_a_call_is_sent_blocks_nobody(
    model_in_a_thread: carton.sync.Carton, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_a_stream() -> None:
        stream = model_in_a_thread.streaming_infer(items=COUNT)
        next(stream)
        held: list[object] = [stream]
        held.append(held)

    encode_again = Codec.encode_again

    def collect_and_encode(codec: Codec, message: Message) -> bytes | None:
        gc.collect()
        return encode_again(codec, message)

    leave_a_stream()
    monkeypatch.setattr(Codec, "encode_again", collect_and_encode)
    assert int(model_in_a_thread.infer(x=1)["out"]) == 1
    run_blocking(settled(lambda: not model_in_a_thread.kernel.channel.open_calls))


@pytest.mark.timeout(60)
def test_a_stream_that_becomes_garbage_while_memory_is_allocated_blocks_nobody(
    model_in_a_thread: carton.sync.Carton, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_a_stream() -> None:
        stream = model_in_a_thread.streaming_infer(items=COUNT)
        next(stream)
        held: list[object] = [stream]
        held.append(held)

    look = Memory._look

    def collect_and_look(memory: Memory, *where: Any) -> Any:
        gc.collect()
        return look(memory, *where)

    reply = model_in_a_thread.infer(items=1, size=1 << 14)
    leave_a_stream()
    del reply  # which the kernel has to be told: it is on memory of its own
    monkeypatch.setattr(Memory, "_look", collect_and_look)
    assert model_in_a_thread.alloc_tensor((1 << 14,), np.float64).shape == (1 << 14,)
    run_blocking(settled(lambda: not model_in_a_thread.kernel.channel.open_calls))


async def turns_of_another_task(calls: Awaitable[None]) -> int:
    """How many turns of the loop a task beside the caller has."""
    turns, stop = 0, False

    async def ticker() -> None:
        nonlocal turns
        while not stop:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(ticker())
    await calls
    stop = True
    await task
    return turns


async def test_calls_in_a_row_leave_the_loop_to_others(model: carton.Carton) -> None:
    async def calls() -> None:
        for number in range(500):
            await model.infer(x=number)

    assert await turns_of_another_task(calls()) >= 500, "as many turns as there are calls"


SLOW = """
import time
class Model:
    def infer_with_tensors(self, tensors):
        time.sleep(float(tensors["seconds"]))
        return {"out": tensors["x"]}

def get_model():
    return Model()
"""


async def test_a_caller_who_rests_until_shortly_before_the_usual_time_blocks_nobody(load_code: Load) -> None:
    model = await load_code(SLOW)

    async def calls(count: int) -> None:
        for number in range(count):
            assert int((await model.infer(x=number, seconds=1e-3))["out"]) == number

    await calls(30)  # by now it is known how long a call takes
    assert await turns_of_another_task(calls(200)) >= 2 * 200, "one turn for the call itself, and one after each rest"


@pytest.mark.parametrize("descriptors", ["few", "many"])
async def test_replies_sooner_and_later_than_usual_are_taken(
    load_code: Load, descriptors: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = carton.sync.Carton(await load_code(SLOW))
    if descriptors == "many":  # as if no number were one that select(2) can take
        monkeypatch.setattr(channel, "_FD_SETSIZE", 0)
    for number in range(60):
        seconds = 1e-3 if number % 3 else (0.0, 0.01)[number % 2]
        assert int(twin.infer(x=number, seconds=seconds)["out"]) == number
        assert int((await twin.asynchronous.infer(x=number, seconds=seconds))["out"]) == number


def left_by_asyncio_run(model: carton.Carton) -> None:
    """Callers in a loop that `asyncio.run` ends, which cancels them."""

    async def leave() -> None:
        tasks = [asyncio.ensure_future(model.infer(x=1)) for _ in range(5)]
        await asyncio.sleep(0)
        del tasks

    asyncio.run(leave())


def left_in_a_closed_loop(model: carton.Carton) -> None:
    """A caller in a loop that is closed around her, of which she never learns."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(model.infer(x=1))
    loop.run_until_complete(asyncio.sleep(0.1))
    loop.close()
    del task


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("leave", [left_by_asyncio_run, left_in_a_closed_loop])
async def test_callers_whose_loop_ends_leave_nothing_behind(
    load_code: Load, leave: Callable[[carton.Carton], None]
) -> None:
    model = await load_code(WAITING)
    before = sum(open_descriptors().values())
    for _ in range(3):
        await asyncio.to_thread(leave, model)

    def is_clean() -> bool:
        gc.collect()
        return not model.kernel.channel.open_calls and sum(open_descriptors().values()) <= before

    await settled(is_clean)
    assert int((await model.infer(x=3))["out"]) == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_model_may_be_closed_with_a_caller_in_a_loop_that_was_closed(load_code: Load) -> None:
    model = await load_code(WAITING)
    before = sum(open_descriptors().values())
    await asyncio.to_thread(left_in_a_closed_loop, model)
    assert sum(open_descriptors().values()) > before, "she has one of her own"
    await model.aclose()
    gc.collect()
    await settled(lambda: sum(open_descriptors().values()) < before)


def test_a_call_works_after_the_loop_that_loaded_the_model_has_ended(code_dir: object) -> None:
    from fix_models import options_for

    model = asyncio.run(carton.load_unpacked(code_dir(ECHO), **options_for({})))

    async def one(number: int) -> int:
        return int((await model.infer(x=number))["out"])

    assert [asyncio.run(one(number)) for number in range(5)] == [0, 1, 2, 3, 4]
    asyncio.run(model.aclose())


async def test_a_blocked_loop_keeps_no_other_caller_from_her_reply(model: carton.Carton) -> None:
    """Whoever reads takes what is there for all; nobody depends on the loop of another."""
    twin = carton.sync.Carton(model)

    def in_another_thread() -> list[int]:
        return [int(twin.infer(x=number)["out"]) for number in range(50)]

    waiting = asyncio.create_task(model.infer(x=99))
    await asyncio.sleep(0)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(in_another_thread)
        time.sleep(0.2)  # noqa: ASYNC251  this is the blocked loop
        assert future.result(PATIENCE) == list(range(50))
    assert int((await waiting)["out"]) == 99


def test_a_message_that_comes_in_parts_is_waited_for_as_long_as_parts_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_LONGEST_PAUSE", -1.0)  # any two looks are too far apart
    ends: list[object] = []
    (frame,) = Codec(Memory(None, side=1)).encode(Message(Kind.HELLO, 0, HELLO, {}))
    with piped() as (ours, theirs):
        reading = channel.Channel(ours, Memory(None, side=0), ends.append)
        reading.expect_progress()
        for byte in frame:
            theirs.write(bytes([byte]))
            reading.expect_progress()
        reading.expect_progress()
        assert ends == []
        theirs.write(frame[:-1])
        reading.expect_progress()
        assert ends == []
        reading.expect_progress()
        assert [type(error) for error in ends] == [carton.ProtocolError]
        reading.close()


def test_a_message_that_is_too_late_goes_to_nobody() -> None:
    """And not to whoever has the number of the closed pipe by then."""
    with piped() as (ours, theirs):
        closed = channel.Channel(ours, Memory(None, side=0), lambda _: None)
        (hello,) = Codec(Memory(None, side=1)).encode(Message(Kind.HELLO, 0, HELLO, {}))
        theirs.write(hello)
        closed.pump()
        closed.post(Kind.LOAD, 0)
        assert theirs.read(100).startswith(b"CTN2"), "this is where messages go before"
        number = ours.outgoing
        run_blocking(in_the_background(closed.close))
        stranger = os.memfd_create("stranger")
        os.dup2(stranger, number)
        try:
            closed.post_last(Kind.CLOSE)
            assert os.fstat(stranger).st_size == 0
        finally:
            for descriptor in {stranger, number}:
                os.close(descriptor)


async def in_the_background(work: Callable[[], None]) -> None:
    work()
