"""Several calls at once: threads, coroutines, and batches."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime import ModelError

# Each call waits until as many as `together` have come: without overlap it would wait for ever.
MEETING = """
import asyncio, threading, time

class Threads:
    max_concurrency = 4
    def __init__(self):
        self.here = []
    def infer_with_tensors(self, tensors):
        if tensors.get("meet", 1):
            self.here.append(tensors["x"])
            while len(self.here) < 4:
                time.sleep(0.005)
        return {"out": tensors["x"], "thread": threading.current_thread().name}

class Coroutines:
    max_concurrency = 4
    def __init__(self):
        self.here, self.all_here = 0, None
    async def infer_with_tensors(self, tensors):
        if tensors.get("meet", 1):
            self.all_here = self.all_here or asyncio.Event()
            self.here += 1
            if self.here == 4:
                self.all_here.set()
            await asyncio.wait_for(self.all_here.wait(), 60)
        return {"out": tensors["x"], "thread": threading.current_thread().name}

class Streams:
    max_concurrency = 2
    def __init__(self):
        self.meeting = threading.Barrier(2)
    def infer_with_tensors(self, tensors):
        for item in range(3):
            self.meeting.wait(60)
            yield {"out": item}

def get_model(kind: str):
    return globals()[kind]()
"""


@pytest.mark.parametrize("kind", ["Threads", "Coroutines"])
async def test_calls_really_overlap(load_code: Load, kind: str) -> None:
    model = await load_code(MEETING, opts={"model.kind": kind})
    async with asyncio.timeout(PATIENCE):
        replies = await asyncio.gather(*(model.infer(x=number) for number in range(4)))
    assert [int(reply["out"]) for reply in replies] == [0, 1, 2, 3]
    assert "MainThread" not in {str(reply["thread"]) for reply in replies}
    assert model.kernel.concurrency == 4


@pytest.mark.parametrize("kind", ["Threads", "Coroutines"])
async def test_one_of_several_calls_can_be_cancelled(load_code: Load, kind: str) -> None:
    """The others go on, and the model has its four places again."""
    model = await load_code(MEETING, opts={"model.kind": kind})
    pid = model.kernel.pid
    alone = [asyncio.create_task(model.infer(x=number)) for number in range(2)]
    await settled(lambda: len(model.kernel.channel.calls) == 2)
    assert int((await model.infer(x=7, meet=0))["out"]) == 7
    alone[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone[0]
    others = [model.infer(x=number) for number in range(2, 4)]
    async with asyncio.timeout(PATIENCE):
        replies = await asyncio.gather(alone[1], *others)
    assert [int(reply["out"]) for reply in replies] == [1, 2, 3]
    replies = await asyncio.gather(*(model.infer(x=number, meet=0) for number in range(8)))
    assert [int(reply["out"]) for reply in replies] == list(range(8))
    assert model.kernel.pid == pid


async def test_two_streams_overlap_too(load_code: Load) -> None:
    model = await load_code(MEETING, opts={"model.kind": "Streams"})

    async def items() -> list[int]:
        return [int(item["out"]) async for item in model.streaming_infer(x=1)]

    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(items(), items()) == [[0, 1, 2], [0, 1, 2]]


async def test_a_model_that_declares_nothing_runs_one_call_at_a_time(load_code: Load) -> None:
    source = """
        class Model:
            inside = 0
            def infer_with_tensors(self, tensors):
                import time
                self.inside += 1
                time.sleep(0.002)
                self.inside -= 1
                return {"inside": self.inside}
        def get_model():
            return Model()
        """
    model = await load_code(source)
    replies = await asyncio.gather(*(model.infer(x=1) for _ in range(50)))
    assert {int(reply["inside"]) for reply in replies} == {0}


@pytest.mark.parametrize("declared", [0, -1, "many", 1.5, True])
async def test_nonsense_for_max_concurrency_is_refused(load_code: Load, declared: object) -> None:
    source = f"""
        class Model:
            max_concurrency = {declared!r}
            def infer_with_tensors(self, tensors):
                return tensors
        def get_model():
            return Model()
        """
    with pytest.raises(ModelError, match="max_concurrency is"):
        await load_code(source)


# Batches

BATCHED = """
import pathlib, time
import numpy as np

class Model:
    def __init__(self, delay, size):
        self.max_batch_size, self.max_batch_delay = size, delay
        self.sizes = []
    def infer_with_tensors(self, tensors):
        x = tensors["x"]
        self.sizes.append(len(x))
        if (x == -1).any():
            x[:] = -1  # nor may what it does to its inputs reach the others
            raise ValueError(f"a row of {len(x)} is -1")
        if (x == -2).any():
            time.sleep(1000)
        if (x == -3).any():
            return {"out": x[:0], "seen": x[:, 0]}
        if (x == -4).any():
            return {"out": x.reshape(len(x), *[1] * 39, -1), "seen": x[:, 0]}
        return {"out": x * 2, "seen": np.full(len(x), len(x), np.int64)}

def get_model(delay: float = 0.0, size: int = 8):
    return Model(delay, size)
"""
SPECS = {
    "inputs": [carton.TensorSpec("x", "int64", ["n", None])],
    "outputs": [carton.TensorSpec("out", "int64", ["n", None]), carton.TensorSpec("seen", "int64", ["n"])],
}


@pytest.mark.parametrize("delay", ["-1.0", "float('nan')", "float('inf')", "1e300", "True", "'1'"])
async def test_nonsense_for_max_batch_delay_is_refused(load_code: Load, delay: str) -> None:
    with pytest.raises(ModelError, match=r"max_batch_delay .* a number of seconds from 0 to 3600"):
        await load_code(BATCHED.replace("= size, delay", f"= size, {delay}"), **SPECS)


@pytest.fixture
def high_numbers() -> Iterator[None]:
    """Descriptors that are opened have numbers from 1024 up."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 4096:
        pytest.skip(f"this process may open {before[1]} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, before[1]))
    held = [os.open(os.devnull, os.O_RDONLY)]
    while held[-1] < 1100:
        held.append(os.open(os.devnull, os.O_RDONLY))
    yield
    for descriptor in held:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_batches_come_together_where_the_host_has_very_much_open(high_numbers: None, load_code: Load) -> None:
    model = await load_code(BATCHED, **SPECS)
    assert (await model.infer(x=[[1]]))["out"].tolist() == [[2]]


GATED = """
import time

class Model:
    max_batch_size, max_batch_delay = 3, 10.0
    def infer_with_tensors(self, tensors):
        print("running", flush=True)
        time.sleep(2)
        return {"out": tensors["x"] * 2, "seen": tensors["x"][:, 0]}

def get_model():
    return Model()
"""


async def batched(load_code: Load, **opts: object) -> carton.Carton:
    opts = {f"model.{name}": value for name, value in opts.items()}
    return await load_code(BATCHED, opts=opts, **SPECS)


def rows(*values: int, width: int = 2) -> np.ndarray:
    return np.repeat(np.array(values, np.int64)[:, None], width, axis=1)


async def test_each_caller_gets_her_own_rows(load_code: Load) -> None:
    model = await batched(load_code, delay=0.2)
    given = [rows(*range(start, start + count)) for start, count in [(1, 1), (10, 3), (20, 2), (30, 2)]]
    replies = await asyncio.gather(*(model.infer(x=x) for x in given))
    for x, reply in zip(given, replies, strict=True):
        assert np.array_equal(reply["out"], x * 2)
    assert {int(reply["seen"][0]) for reply in replies} == {8}, "they ran as one"


async def test_a_call_alone_waits_no_longer_than_the_delay(load_code: Load) -> None:
    model = await batched(load_code, delay=0.05)
    async with asyncio.timeout(PATIENCE):
        assert (await model.infer(x=rows(1)))["seen"].tolist() == [1]


async def test_a_batch_is_never_larger_than_declared(load_code: Load) -> None:
    model = await batched(load_code, delay=0.05, size=4)
    replies = await asyncio.gather(*(model.infer(x=rows(*range(3))) for _ in range(6)))
    assert {int(reply["seen"][0]) for reply in replies} == {3}
    assert (await model.infer(x=rows(*range(9))))["out"].shape == (9, 2), "one call that is larger runs alone"


async def test_shapes_that_differ_beside_the_batch_axis_are_not_put_together(load_code: Load) -> None:
    model = await batched(load_code, delay=0.1)
    replies = await asyncio.gather(*(model.infer(x=rows(1, 2, width=width)) for width in (2, 3, 2, 3)))
    assert [reply["out"].shape for reply in replies] == [(2, 2), (2, 3), (2, 2), (2, 3)]


async def test_an_error_is_that_of_the_call_that_is_to_blame_and_of_no_other(load_code: Load) -> None:
    model = await batched(load_code, delay=0.5, size=3)
    first, failed, third = await asyncio.gather(
        *(model.infer(x=rows(value)) for value in (1, -1, 2)), return_exceptions=True
    )
    assert [reply["out"].tolist() for reply in (first, third)] == [[[2, 2]], [[4, 4]]]
    assert isinstance(failed, ModelError)
    assert "a row of 1 is -1" in str(failed)
    assert "a row of 3" not in str(failed), "what the batch failed with is nobody's error"


async def test_each_of_several_calls_that_are_to_blame_gets_an_error_of_her_own(load_code: Load) -> None:
    model = await batched(load_code, delay=0.5, size=6)
    given = (rows(-1), rows(1, -1), rows(1, 2, 3))
    *failed, reply = await asyncio.gather(*(model.infer(x=x) for x in given), return_exceptions=True)
    assert [str(error).splitlines()[0].rpartition(": ")[2] for error in failed] == [
        "a row of 1 is -1",
        "a row of 2 is -1",
    ]
    assert reply["out"][:, 0].tolist() == [2, 4, 6]


async def test_outputs_that_cannot_be_shared_out_cost_the_other_calls_nothing(load_code: Load) -> None:
    model = await batched(load_code, delay=0.5, size=2)
    with pytest.warns(UserWarning, match="output 'out'"):
        unfit, reply = await asyncio.gather(*(model.infer(x=rows(value)) for value in (-3, 1)), return_exceptions=True)
    assert reply["out"].tolist() == [[2, 2]]
    assert unfit["out"].shape == (0, 2), "what the call gets that comes alone"


async def test_outputs_that_cannot_be_sent_cost_their_calls_and_not_the_model(load_code: Load) -> None:
    model = await batched(load_code, delay=0.5, size=2)
    pid = model.kernel.pid
    unfit = await asyncio.gather(*(model.infer(x=rows(-4)) for _ in range(2)), return_exceptions=True)
    assert [type(error) for error in unfit] == [ModelError, ModelError]
    assert "axes; the wire carries 32" in str(unfit[0])
    assert (await model.infer(x=rows(1)))["out"].tolist() == [[2, 2]]
    assert model.kernel.pid == pid


FORKING = """
import os, pathlib

class Model:
    max_batch_size, max_batch_delay = 2, 10.0
    def __init__(self, log):
        self.log = pathlib.Path(log)
    def infer_with_tensors(self, tensors):
        with self.log.open("a") as log:
            print(len(tensors["x"]), file=log)
        child = os.fork()
        if child == 0:
            raise ValueError("in the child")
        os.waitpid(child, 0)
        return {"out": tensors["x"] * 2, "seen": tensors["x"][:, 0]}

def get_model(log: str):
    return Model(log)
"""


async def test_a_batch_that_fails_in_a_process_that_the_model_forked_is_not_run_again_there(
    load_code: Load, tmp_path: Path
) -> None:
    model = await load_code(FORKING, opts={"model.log": str(tmp_path / "log")}, **SPECS)
    replies = await asyncio.gather(*(model.infer(x=rows(value)) for value in (1, 2)))
    assert [int(reply["seen"][0]) for reply in replies] == [1, 2]
    assert (tmp_path / "log").read_text().split() == ["2"]


async def test_a_call_that_is_cancelled_before_its_batch_runs_costs_the_others_nothing(load_code: Load) -> None:
    model = await batched(load_code, delay=1.0, size=8)
    calls = [asyncio.create_task(model.infer(x=rows(number))) for number in range(3)]
    await settled(lambda: len(model.kernel.channel.calls) == 3)
    calls[0].cancel()
    async with asyncio.timeout(PATIENCE):
        assert (await calls[1])["out"].tolist() == [[2, 2]]
        assert (await calls[2])["seen"].tolist() == [2], "the cancelled rows are not run"
    assert calls[0].cancelled()


async def test_a_batch_that_runs_goes_on_for_those_who_stay(load_code: Load, quick: None) -> None:
    model = await load_code(GATED, **SPECS)
    calls = [asyncio.create_task(model.infer(x=rows(number))) for number in range(3)]
    await settled(lambda: model.kernel.log != ())
    for call in calls[:2]:
        call.cancel()
    await asyncio.sleep(1.0)  # longer than a model is given to stop
    assert not calls[2].done()
    async with asyncio.timeout(PATIENCE):
        assert (await calls[2])["out"].tolist() == [[4, 4]]


async def test_a_batch_that_all_have_left_is_interrupted(load_code: Load, quick: None) -> None:
    model = await batched(load_code, delay=0.05, size=2)
    pid = model.kernel.pid
    calls = [asyncio.create_task(model.infer(x=rows(-2))) for _ in range(2)]
    await settled(lambda: len(model.kernel.channel.calls) == 2)
    await asyncio.sleep(0.2)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert (await model.infer(x=rows(1)))["out"].tolist() == [[2, 2]]
    assert model.kernel.pid == pid


async def test_a_model_without_a_batch_symbol_says_so_and_works(load_code: Load) -> None:
    with pytest.warns(UserWarning, match="its specs share no batch symbol"):
        model = await load_code(BATCHED)
    assert (await model.infer(x=rows(1)))["out"].tolist() == [[2, 2]]


async def test_batches_and_streams_and_handles_go_side_by_side(load_code: Load) -> None:
    model = await batched(load_code, delay=0.05, size=4)
    handle = await model.seal(x=rows(5))
    plain, sealed, (streamed,) = await asyncio.gather(
        model.infer(x=rows(1)), model.infer_with_handle(handle), items(model, rows(3))
    )
    assert [int(reply["out"][0, 0]) for reply in (plain, sealed, streamed)] == [2, 10, 6]


async def items(model: carton.Carton, x: np.ndarray) -> list[dict]:
    return [item async for item in model.streaming_infer(x=x)]
