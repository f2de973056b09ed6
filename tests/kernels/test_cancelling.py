"""A call that nobody waits for any more: told, interrupted, killed; and what that does to the others."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path

import pytest
from kernels.conftest import PATIENCE, Load, settled

import carton_runtime as carton
from carton_runtime import CallCancelledError, CallTimeoutError, KernelDiedError, background
from carton_runtime.runner_kernels.record import KernelState

# What a model does in a call is chosen by `do`; files tell the test how far it is.
WORKER = """
import asyncio, pathlib, time
from carton_runner import api

def mark(tensors, name):
    pathlib.Path(str(tensors["folder"]), name).touch()

def looks(tensors):
    while not api.is_cancelled():
        time.sleep(0.01)
    mark(tensors, "was told")
    return {"out": 1}

def loops(tensors):
    mark(tensors, "loops")
    try:
        while True:
            time.sleep(0.01)
    except BaseException as error:
        mark(tensors, type(error).__name__)
        raise

def stubborn(tensors):
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass

async def waits(tensors):
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        mark(tensors, "coroutine cancelled")
        raise

async def holds_on(tensors):
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            mark(tensors, "coroutine cancelled")

def gate(tensors):
    while not pathlib.Path(str(tensors["folder"]), "go").exists():
        time.sleep(0.005)
    return {"out": 2}

def plain(tensors):
    return {"out": 3}

def loops_forth(tensors):
    yield {"out": 0}
    loops(tensors)

def cleans_up(tensors):
    try:
        for item in range(1000):
            yield {"out": item}
    finally:
        loops(tensors)

def counts(tensors):
    for item in range(1000):
        yield {"out": item}

class Model:
    def infer_with_tensors(self, tensors):
        if "folder" in tensors:
            mark(tensors, "began " + str(tensors.get("name", "")))
        return globals()[str(tensors["do"])](tensors)

def get_model():
    return Model()
"""


@pytest.fixture
async def worker(load_code: Load, quick: None) -> carton.Carton:
    return await load_code(WORKER)


@pytest.fixture
def marked(tmp_path: Path) -> Callable[[str], bool]:
    """Whether the model has left a mark of that name."""
    return lambda name: (tmp_path / name).exists()


async def begun(model: carton.Carton, marked: Callable[[str], bool], **inputs: object) -> asyncio.Task[object]:
    """A call that the model is at work on."""
    task = asyncio.create_task(model.infer(inputs))
    await settled(lambda: marked(f"began {inputs.get('name', '')}"))
    return task


async def assert_alive(model: carton.Carton, pid: int) -> None:
    async with asyncio.timeout(PATIENCE):
        assert int((await model.infer(do="plain"))["out"]) == 3
    assert model.kernel.pid == pid, "the process is the same"


@pytest.mark.parametrize(
    ("do", "mark"),
    [
        ("looks", "was told"),
        ("waits", "coroutine cancelled"),
        ("loops", "CancelledCallError"),
    ],
)
async def test_the_gentlest_step_that_works_is_the_last(
    worker: carton.Carton, do: str, mark: str, tmp_path: Path, marked: Callable[[str], bool]
) -> None:
    pid = worker.kernel.pid
    task = await begun(worker, marked, do=do, folder=str(tmp_path))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settled(lambda: marked(mark))
    await assert_alive(worker, pid)


@pytest.mark.parametrize("do", ["stubborn", "holds_on"])
async def test_a_model_that_stops_at_nothing_is_killed_and_comes_back(
    worker: carton.Carton, do: str, tmp_path: Path, marked: Callable[[str], bool]
) -> None:
    kernel = worker.kernel
    task = await begun(worker, marked, do=do, folder=str(tmp_path))
    task.cancel()
    await background.run(kernel.ended())
    assert kernel.state is KernelState.DEAD
    assert "did not stop within 0.5 s of being interrupted" in kernel.statistics.last_error
    assert int((await worker.infer(do="plain"))["out"]) == 3
    assert worker.kernel is not kernel


async def test_a_timeout_of_asyncio_cancels(worker: carton.Carton, tmp_path: Path, marked: Callable) -> None:
    pid = worker.kernel.pid
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await worker.infer(do="loops", folder=str(tmp_path))
    await settled(lambda: marked("CancelledCallError"))
    await assert_alive(worker, pid)


async def test_a_calls_own_timeout_cancels(worker: carton.Carton, tmp_path: Path, marked: Callable) -> None:
    pid = worker.kernel.pid
    with pytest.raises(CallTimeoutError, match=r"did not answer within 0.3 s"):
        await worker.infer({"do": "loops", "folder": str(tmp_path)}, timeout=0.3)
    await settled(lambda: marked("CancelledCallError"))
    await assert_alive(worker, pid)


async def test_a_timeout_in_the_blocking_twin_cancels(worker: carton.Carton, tmp_path: Path, marked: Callable) -> None:
    pid = worker.kernel.pid
    twin = carton.sync.Carton(worker)
    with pytest.raises(CallTimeoutError):
        await asyncio.to_thread(twin.infer, {"do": "loops", "folder": str(tmp_path)}, timeout=0.3)
    await settled(lambda: marked("CancelledCallError"))
    await assert_alive(worker, pid)


async def test_each_item_of_a_stream_has_its_own_timeout(worker: carton.Carton, tmp_path: Path) -> None:
    pid = worker.kernel.pid
    stream = worker.streaming_infer({"do": "loops_forth", "folder": str(tmp_path)}, timeout=0.3)
    assert int((await anext(stream))["out"]) == 0
    with pytest.raises(CallTimeoutError):
        await anext(stream)
    await assert_alive(worker, pid)


async def test_calls_that_wait_their_turn_are_not_run_when_cancelled(
    worker: carton.Carton, tmp_path: Path, marked: Callable
) -> None:
    pid = worker.kernel.pid
    first = await begun(worker, marked, do="gate", folder=str(tmp_path))
    queued = [asyncio.create_task(worker.infer(do="plain", folder=str(tmp_path), name=f"queued {n}")) for n in range(5)]
    last = asyncio.create_task(worker.infer(do="plain"))
    await settled(lambda: len(worker.kernel.channel.calls) == 7)
    for task in queued:
        task.cancel()
    await asyncio.wait(queued)
    # Longer than the model is given to stop, if it were at work on them.
    await asyncio.sleep(1.0)
    assert not first.done()
    (tmp_path / "go").touch()
    assert int((await first)["out"]) == 2
    assert int((await last)["out"]) == 3
    assert not any(marked(f"began queued {n}") for n in range(5))
    await assert_alive(worker, pid)


async def test_a_stream_that_waits_its_turn_can_be_left(
    worker: carton.Carton, tmp_path: Path, marked: Callable
) -> None:
    """The call that runs is somebody else's, and must not pay for it."""
    pid = worker.kernel.pid
    first = await begun(worker, marked, do="gate", folder=str(tmp_path))
    stream = worker.streaming_infer(do="counts")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await anext(stream)
    await asyncio.sleep(1.0)
    assert not first.done(), worker.kernel.statistics.last_error
    (tmp_path / "go").touch()
    assert int((await first)["out"]) == 2
    await assert_alive(worker, pid)


async def test_a_stream_between_two_items_can_be_left_while_another_call_runs(
    worker: carton.Carton, tmp_path: Path, marked: Callable
) -> None:
    pid = worker.kernel.pid
    async with aclosing(worker.streaming_infer(do="counts")) as stream:
        await anext(stream)
        first = await begun(worker, marked, do="gate", folder=str(tmp_path))
    await asyncio.sleep(1.0)
    assert not first.done(), worker.kernel.statistics.last_error
    (tmp_path / "go").touch()
    assert int((await first)["out"]) == 2
    await assert_alive(worker, pid)


async def test_a_stream_that_never_ends_can_be_left_while_others_wait(
    worker: carton.Carton, tmp_path: Path, marked: Callable
) -> None:
    pid = worker.kernel.pid
    async with aclosing(worker.streaming_infer(do="loops_forth", folder=str(tmp_path))) as stream:
        await anext(stream)
        waiting = asyncio.create_task(worker.infer(do="plain"))
        await settled(lambda: len(worker.kernel.channel.calls) == 2)
    async with asyncio.timeout(PATIENCE):
        assert int((await waiting)["out"]) == 3
    await assert_alive(worker, pid)


async def test_interrupt_ends_the_call_that_runs_and_no_other(
    worker: carton.Carton, tmp_path: Path, marked: Callable
) -> None:
    pid = worker.kernel.pid
    first = await begun(worker, marked, do="loops", folder=str(tmp_path))
    second = asyncio.create_task(worker.infer(do="plain"))
    await settled(lambda: len(worker.kernel.channel.calls) == 2)
    worker.interrupt()
    with pytest.raises(CallCancelledError):
        await first
    assert int((await second)["out"]) == 3
    await assert_alive(worker, pid)


async def test_interrupt_ends_a_stream_too(worker: carton.Carton, tmp_path: Path, marked: Callable) -> None:
    pid = worker.kernel.pid
    async with aclosing(worker.streaming_infer(do="loops_forth", folder=str(tmp_path))) as stream:
        await anext(stream)
        await settled(lambda: marked("loops"))
        worker.interrupt()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(CallCancelledError):
                await anext(stream)
    await assert_alive(worker, pid)


async def test_a_stream_whose_cleaning_up_never_ends_is_made_to(
    worker: carton.Carton, tmp_path: Path, marked: Callable
) -> None:
    pid = worker.kernel.pid
    async with aclosing(worker.streaming_infer(do="cleans_up", folder=str(tmp_path))) as stream:
        await anext(stream)
    await settled(lambda: marked("CancelledCallError"))
    await assert_alive(worker, pid)


async def test_an_interrupt_when_nothing_runs_does_nothing(worker: carton.Carton) -> None:
    pid = worker.kernel.pid
    worker.interrupt()
    await assert_alive(worker, pid)


async def test_an_interrupt_right_after_a_call_was_made_is_for_that_call(worker: carton.Carton, tmp_path: Path) -> None:
    """It overtakes the call as often as not."""
    pid = worker.kernel.pid
    for _ in range(30):
        call = asyncio.create_task(worker.infer(do="loops", folder=str(tmp_path)))
        await asyncio.sleep(0)  # from here on it is on its way
        worker.interrupt()
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(CallCancelledError):
                await call
    await assert_alive(worker, pid)


async def test_calls_beside_one_that_is_killed_fail_with_its_death(
    worker: carton.Carton, tmp_path: Path, marked: Callable
) -> None:
    first = await begun(worker, marked, do="stubborn", folder=str(tmp_path))
    second = asyncio.create_task(worker.infer(do="plain"))
    await settled(lambda: len(worker.kernel.channel.calls) == 2)
    first.cancel()
    with pytest.raises(KernelDiedError, match="a cancelled call did not stop within"):
        await second
    with suppress(asyncio.CancelledError):
        await first


SCRIPT = """
import sys, warnings
import carton_runtime as carton
from carton_runtime.runner_kernels.record import KernelState

with carton.sync.load_unpacked(sys.argv[1], runner_name="python", required_framework_version=sys.argv[3],
        runner_opts={"entrypoint_package": "main", "entrypoint_fn": "get_model"}) as model:
    pid = model.kernel.pid
    try:
        model.infer(do=sys.argv[4], folder=sys.argv[2])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(int(model.infer(do="plain")["out"]), model.kernel.pid == pid, flush=True)
"""


@pytest.mark.parametrize(("do", "same"), [("loops", True), ("waits", True)])
def test_ctrl_c_in_a_script_stops_the_call_and_keeps_the_model(
    do: str, same: bool, code_dir: Callable, tmp_path: Path, marked: Callable
) -> None:
    version = f"=3.{sys.version_info.minor}"
    script = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(code_dir(WORKER)), str(tmp_path), version, do],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    waiting = threading.Event()
    while not marked("began "):
        assert script.poll() is None, script.communicate()
        waiting.wait(0.01)
    os.kill(script.pid, signal.SIGINT)
    out, err = script.communicate(timeout=PATIENCE)
    assert (out, err, script.returncode) == (f"interrupted\n3 {same}\n", "", 0)
