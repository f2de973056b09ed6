"""The four states of a kernel, and what can be asked of a model in each."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
from kernels.conftest import PATIENCE, Load, Start, settled

import carton_runtime as carton
from carton_runtime import CallTimeoutError, KernelDiedError, ModelClosedError, background
from carton_runtime.runner_kernels import registry
from carton_runtime.runner_kernels.record import KernelState
from carton_runtime.testing.doubles import FAULTY_MODEL, Fault, Phase, faulty_inputs, faulty_options


async def busy(model: carton.Carton, **inputs: object) -> asyncio.Task[object]:
    """A call that is under way."""
    task = asyncio.create_task(model.infer({"seconds": 1000.0, **inputs}))
    await settled(lambda: model.kernel.state is KernelState.BUSY)
    return task


async def reload_that_hangs(load: Load, tmp_path: Path) -> tuple[carton.Carton, asyncio.Task[object]]:
    """A model whose process died, and a call that waits for a new one, which never becomes ready."""
    flag = tmp_path / "hang"
    model = await load(Phase.LOADING, Fault.LOOP, only_if=flag)
    flag.touch()
    with pytest.raises(KernelDiedError):
        await model.infer(faulty_inputs(Phase.INFER, Fault.KILL))
    call = asyncio.create_task(model.infer(x=1))
    await settled(lambda: KernelState.STARTING in [kernel.state for kernel in registry.kernels()])
    return model, call


# What is seen


async def test_a_kernel_is_idle_busy_and_dead_and_says_so(model: carton.Carton) -> None:
    kernel = model.kernel
    assert kernel.state is KernelState.IDLE
    assert repr(kernel) == f"<Kernel unnamed model pid={kernel.pid} idle>"
    task = await busy(model)
    assert repr(kernel) == f"<Kernel unnamed model pid={kernel.pid} busy>"
    assert "busy" in repr(model)
    os.kill(kernel.pid, signal.SIGKILL)
    with pytest.raises(KernelDiedError):
        await task
    await settled(lambda: kernel.state is KernelState.DEAD)
    assert repr(kernel) == f"<Kernel unnamed model pid={kernel.pid} dead>"
    assert "dead" in repr(model)


async def test_a_kernel_that_loads_is_starting(load: Load, tmp_path: Path) -> None:
    loading = asyncio.create_task(load(Phase.LOADING, Fault.LOOP))
    await settled(lambda: bool(registry.kernels()))
    (kernel,) = registry.kernels()
    assert kernel.state is KernelState.STARTING
    assert "starting" in repr(kernel)
    assert not kernel.is_alive
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert registry.kernels() == []


async def test_a_kernel_that_ends_while_idle_is_noticed_without_a_call(model: carton.Carton) -> None:
    kernel = model.kernel
    os.kill(kernel.pid, signal.SIGKILL)
    await background.run(kernel.ended())
    assert kernel.state is KernelState.DEAD
    assert registry.kernels() == [kernel], "it is there to be seen, with what it died of"
    assert "killed (signal 9)" in kernel.statistics.last_error


async def test_a_kernel_counts_its_calls_and_failures(model: carton.Carton) -> None:
    for _ in range(3):
        await model.infer(x=1)
    with pytest.raises(carton.ModelError):
        await model.infer(faulty_inputs(Phase.INFER, Fault.FULL_DISK))
    statistics = model.kernel.statistics
    assert (statistics.calls, statistics.failures) == (4, 1)
    assert "No space left on device" in statistics.last_error
    latency = statistics.latency
    assert latency is not None
    assert 0 < latency.p50 <= latency.p90 <= latency.p99


async def test_a_kernel_says_where_it_runs_and_how_many_wait(model: carton.Carton) -> None:
    kernel = model.kernel
    assert (kernel.device, kernel.queued) == ("cpu", 0)
    calls = [await busy(model) for _ in range(4)]
    await settled(lambda: kernel.queued == 3)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    await settled(lambda: kernel.queued == 0)


# aclose


async def test_closing_ends_calls_and_streams_that_run(model: carton.Carton) -> None:
    task = await busy(model)
    async with aclosing(model.streaming_infer(items=100)) as stream:
        waiting = asyncio.ensure_future(anext(stream))
        await settled(lambda: len(model.kernel.channel.calls) == 2)
        await model.aclose()
        for call in (task, waiting):
            with pytest.raises(ModelClosedError):
                await call


async def test_closing_twice_and_at_once_is_closing(model: carton.Carton) -> None:
    await asyncio.gather(model.aclose(), model.aclose(), model.aclose())
    await model.aclose()
    with pytest.raises(ModelClosedError):
        await model.infer(x=1)
    with pytest.raises(ModelClosedError):
        await model.restart()


async def test_a_dead_model_can_be_closed(model: carton.Carton) -> None:
    with pytest.raises(KernelDiedError):
        await model.infer(faulty_inputs(Phase.INFER, Fault.EXIT))
    await model.aclose()
    with pytest.raises(ModelClosedError):
        await model.infer(x=1)


async def test_a_close_that_is_cancelled_leaves_no_process(load: Load) -> None:
    model = await load(Phase.CLOSING, Fault.LOOP)
    kernel = model.kernel
    closing = asyncio.create_task(model.aclose())
    await settled(lambda: kernel._is_closing)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await settled(lambda: kernel.state is KernelState.DEAD)
    await model.aclose()


async def test_closing_a_model_that_is_coming_back_does_not_wait_for_it(load: Load, tmp_path: Path) -> None:
    model, call = await reload_that_hangs(load, tmp_path)
    async with asyncio.timeout(PATIENCE):
        await model.aclose()
    with pytest.raises(ModelClosedError):
        await call


async def test_a_call_that_waits_for_a_model_to_come_back_can_be_cancelled(load: Load, tmp_path: Path) -> None:
    model, call = await reload_that_hangs(load, tmp_path)
    call.cancel()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await call
    (tmp_path / "hang").unlink()
    assert int((await model.infer(x=1))["out"]) == 1


async def test_the_timeout_of_a_call_covers_the_wait_for_a_model_to_come_back(load: Load, tmp_path: Path) -> None:
    model, call = await reload_that_hangs(load, tmp_path)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(CallTimeoutError, match=r"did not take the call within 0\.3 s"):
            await model.infer({"x": 1}, timeout=0.3)
        with pytest.raises(CallTimeoutError, match=r"did not take the call within 0\.3 s"):
            await asyncio.to_thread(carton.sync.Carton(model).infer, {"x": 1}, timeout=0.3)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_model_that_nobody_holds_is_closed(load_code: Load, code_dir: object) -> None:
    from carton_runtime.testing.doubles import FAULTY_MODEL, faulty_options

    kernel = (await carton.load_unpacked(FAULTY_MODEL, **faulty_options())).kernel
    await settled(lambda: kernel.state is KernelState.DEAD)


async def test_a_bare_kernel_is_closed_while_it_starts(start: Start) -> None:
    starting = asyncio.create_task(start())
    await settled(lambda: bool(registry.kernels()))
    (kernel,) = registry.kernels()
    await background.run(kernel.aclose())
    with pytest.raises(ModelClosedError):
        await starting


# restart


@pytest.mark.parametrize("state", [KernelState.IDLE, KernelState.BUSY, KernelState.DEAD])
async def test_restart_replaces_the_process_wherever_it_is(model: carton.Carton, state: KernelState) -> None:
    old = model.kernel
    task = await busy(model) if state is KernelState.BUSY else None
    if state is KernelState.DEAD:
        os.kill(old.pid, signal.SIGKILL)
        await settled(lambda: old.state is KernelState.DEAD)
    await model.restart()
    assert old.state is KernelState.DEAD
    assert model.kernel.state is KernelState.IDLE
    assert int((await model.infer(x=4))["out"]) == 4
    if task is not None:
        with pytest.raises(ModelClosedError):
            await task


async def test_restarts_at_once_leave_one_process(model: carton.Carton) -> None:
    await asyncio.gather(*(model.restart() for _ in range(3)), model.infer(x=1), return_exceptions=True)
    assert int((await model.infer(x=5))["out"]) == 5
    assert registry.kernels() == [model.kernel]


async def test_a_restart_that_is_cancelled_leaves_the_model_usable(load: Load, tmp_path: Path) -> None:
    flag = tmp_path / "hang"
    model = await load(Phase.LOADING, Fault.LOOP, only_if=flag)
    first = model.kernel
    flag.touch()
    restarting = asyncio.create_task(model.restart())
    await settled(lambda: first not in registry.kernels() and bool(registry.kernels()))
    restarting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await restarting
    flag.unlink()
    assert int((await model.infer(x=1))["out"]) == 1


async def test_a_second_process_is_not_started_while_one_comes_back(model: carton.Carton) -> None:
    with pytest.raises(KernelDiedError):
        await model.infer(faulty_inputs(Phase.INFER, Fault.EXIT))
    replies = await asyncio.gather(*(model.infer(x=number) for number in range(8)))
    assert [int(reply["out"]) for reply in replies] == list(range(8))
    assert len({int(reply["pid"]) for reply in replies}) == 1


async def test_without_a_pidfd_a_thread_sees_the_end(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", no_more)
    kernel = await start()
    assert any(thread.name.startswith("wait-") for thread in threading.enumerate())
    os.kill(kernel.pid, signal.SIGKILL)
    await background.run(kernel.ended())
    assert kernel.state is KernelState.DEAD
    assert "killed (signal 9)" in kernel.statistics.last_error


# What the model has started


FAMILY = """
import os, subprocess, sys

SLEEP = ["sleep", "1000"]

class Model:
    def infer_with_tensors(self, tensors):
        child = subprocess.Popen(SLEEP).pid
        apart = subprocess.Popen(SLEEP, start_new_session=True).pid
        orphan = subprocess.run(["sh", "-c", "setsid sleep 1000 >/dev/null & echo $!"], stdout=subprocess.PIPE).stdout
        if os.fork() == 0:
            os.setsid()
            os.execvp(SLEEP[0], SLEEP)
        if "dies" in tensors:
            os._exit(3)
        return {"family": [child, apart, int(orphan)]}

def get_model():
    return Model()
"""


def guardian_of(model: carton.Carton) -> psutil.Process:
    guardian = psutil.Process(model.kernel.pid).parent()
    assert guardian is not None
    return guardian


async def family(model: carton.Carton) -> list[psutil.Process]:
    """Processes that the model has started, in its session and in others, one of them without a parent."""
    await model.infer()
    guardian = guardian_of(model)

    def sleepers() -> list[psutil.Process]:
        return [process for process in guardian.children(recursive=True) if process.name() == "sleep"]

    await settled(lambda: len(sleepers()) == 4)  # which two of them are only soon
    return sleepers()


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


async def test_a_model_that_is_closed_takes_along_all_that_it_started(load_code: Load) -> None:
    model = await load_code(FAMILY)
    started = await family(model)
    await model.aclose()
    assert gone(started), "and not only soon"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM], ids=lambda number: number.name)
async def test_a_model_that_is_killed_takes_along_all_that_it_started(load_code: Load, number: signal.Signals) -> None:
    model = await load_code(FAMILY)
    started, kernel = await family(model), model.kernel
    os.kill(kernel.pid, number)
    await background.run(kernel.ended())
    assert gone(started)
    assert number.name in kernel.statistics.last_error or "signal 9" in kernel.statistics.last_error


async def test_a_model_that_leaves_takes_along_all_that_it_started(load_code: Load) -> None:
    model = await load_code(FAMILY)
    started, kernel = await family(model), model.kernel
    with pytest.raises(KernelDiedError, match="exit code 3"):
        await model.infer(dies=1)
    await background.run(kernel.ended())
    assert gone(started)


async def test_what_a_model_started_lives_while_the_model_does(load_code: Load) -> None:
    model = await load_code(FAMILY)
    started = await family(model)
    await model.infer()
    assert all(process.is_running() for process in started)


async def test_whoever_ends_the_guardian_ends_the_kernel(model: carton.Carton) -> None:
    kernel = model.kernel
    guardian = guardian_of(model)
    guardian.terminate()
    await background.run(kernel.ended())
    assert gone([psutil.Process(guardian.pid)] if psutil.pid_exists(guardian.pid) else [])
    assert int((await model.infer(x=1))["out"]) == 1


async def test_a_guardian_that_is_stopped_is_woken_to_end_all(load_code: Load) -> None:
    model = await load_code(FAMILY)
    started = await family(model)
    guardian_of(model).suspend()
    async with asyncio.timeout(PATIENCE):
        await model.restart()
    assert gone(started)


async def test_a_kernel_that_dies_while_its_guardian_is_stopped_is_missed(load_code: Load) -> None:
    model = await load_code(FAMILY)
    started, kernel = await family(model), model.kernel
    guardian_of(model).suspend()
    os.kill(kernel.pid, signal.SIGSEGV)
    async with asyncio.timeout(PATIENCE):
        await background.run(kernel.ended())
    assert "SIGSEGV" in kernel.statistics.last_error
    assert gone(started)


async def test_a_guardian_that_is_killed_takes_along_the_kernel_and_its_group(load_code: Load) -> None:
    model = await load_code(FAMILY)
    started, kernel = await family(model), model.kernel
    of_its_group = [process for process in started if os.getpgid(process.pid) == kernel.pid]
    others = [process for process in started if process not in of_its_group]
    guardian_of(model).kill()
    await background.run(kernel.ended())
    for process in others:  # nobody knows of them any more
        process.kill()
    psutil.wait_procs([*of_its_group, psutil.Process(kernel.pid)] if psutil.pid_exists(kernel.pid) else of_its_group)
    assert of_its_group
    assert gone(of_its_group)


STOPPED_KERNEL = f"""\
#!{sys.executable}
import os, runpy, signal, sys
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGSTOP))
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


async def test_a_kernel_that_is_stopped_before_it_greets_is_ended(start: Start, quick: None, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(STOPPED_KERNEL)
    python.chmod(0o755)
    with pytest.raises(KernelDiedError, match="stopped"):  # long before it should have greeted
        await start(python)


# What a process passes on to those that it starts


@pytest.fixture
async def deaf_host() -> AsyncIterator[None]:
    """This process ignores the ends of its children, and blocks signals in the thread that starts them."""

    async def mask(how: int) -> None:
        signal.pthread_sigmask(how, {signal.SIGINT, signal.SIGTERM, signal.SIGCHLD})

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    await background.run(mask(signal.SIG_BLOCK))
    yield
    await background.run(mask(signal.SIG_UNBLOCK))
    signal.signal(signal.SIGCHLD, before)


SIGNALS = """
import signal

class Model:
    def infer_with_tensors(self, tensors):
        blocked = len(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        return {"blocked": blocked, "ignores": signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN and 1 or 0}

def get_model():
    return Model()
"""


async def test_a_model_hears_signals_that_its_host_does_not(deaf_host: None, load_code: Load) -> None:
    model = await load_code(SIGNALS)
    assert await model.infer() == {"blocked": 0, "ignores": 0}


async def test_a_guardian_hears_signals_that_its_host_does_not(deaf_host: None, load_code: Load) -> None:
    model = await load_code(FAMILY)
    started, kernel = await family(model), model.kernel  # some of which hold the kernel's sockets
    os.kill(kernel.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        await background.run(kernel.ended())
    assert gone(started)


# What is known of a model for as long as it is loaded


async def test_a_model_that_died_is_seen_until_it_comes_back_or_is_closed(model: carton.Carton) -> None:
    first = model.kernel
    with pytest.raises(KernelDiedError):
        await model.infer(faulty_inputs(Phase.INFER, Fault.EXIT))
    assert [(kernel, kernel.state) for kernel in carton.kernels()] == [(first, KernelState.DEAD)]
    assert "exit code 3" in first.statistics.last_error
    await model.infer(x=1)
    assert carton.kernels() == [model.kernel]
    os.kill(model.kernel.pid, signal.SIGKILL)
    await background.run(model.kernel.ended())
    assert carton.kernels() == [model.kernel]
    await model.aclose()
    assert carton.kernels() == []


async def test_a_dead_model_that_nobody_holds_is_not_seen(load_code: Load) -> None:
    model = await carton.load_unpacked(FAULTY_MODEL, **faulty_options())
    os.kill(model.kernel.pid, signal.SIGKILL)
    await background.run(model.kernel.ended())
    assert len(carton.kernels()) == 1
    del model
    await settled(lambda: carton.kernels() == [])


async def test_a_model_that_cannot_come_back_is_seen_with_the_reason(load: Load, tmp_path: Path) -> None:
    flag = tmp_path / "full"
    model = await load(Phase.LOADING, Fault.FULL_DISK, only_if=flag)
    flag.touch()
    with pytest.raises(carton.ModelError):
        await model.restart()
    (kernel,) = carton.kernels()
    assert (kernel, kernel.state) == (model.kernel, KernelState.DEAD)
    assert "No space left on device" in kernel.statistics.last_error


async def test_a_model_that_cannot_be_loaded_is_not_seen(load: Load) -> None:
    with pytest.raises(carton.ModelError):
        await load(Phase.LOADING, Fault.FULL_DISK)
    assert carton.kernels() == []


async def test_statistics_and_log_are_those_of_the_model_and_not_of_its_process(load_code: Load) -> None:
    model = await load_code(TALKS)
    for _ in range(2):
        await model.infer(x=1)
    with pytest.raises(KernelDiedError) as first:
        await model.infer(dies=1)
    with pytest.raises(KernelDiedError) as second:
        await model.infer(dies=2)
    await model.restart()
    await model.infer(x=1)
    statistics = model.kernel.statistics
    assert (statistics.calls, statistics.restarts) == (3, 2)
    assert statistics.failures >= 2
    assert "exit code 2" in statistics.last_error
    model.kernel.drain_log()
    printed = [line.text for line in model.kernel.log if not line.text.startswith("dies")]
    assert printed == ["call", "call", "call"]
    assert [line for error in (first, second) for line in error.value.log if line.startswith("dies")] == [
        "dies with 1",
        "dies with 2",
    ], "a report has the words of its own process"


TALKS = """
import os

class Model:
    def infer_with_tensors(self, tensors):
        if "dies" in tensors:
            print("dies with", tensors["dies"], flush=True)
            os._exit(int(tensors["dies"]))
        print("call", flush=True)
        return tensors

def get_model():
    return Model()
"""
