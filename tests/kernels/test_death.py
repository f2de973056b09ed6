"""What is told of a process that died."""

from __future__ import annotations

import asyncio
import os
import re
import signal

import pytest
from kernels.conftest import PATIENCE, Load, Start, settled

import carton_runtime as carton
from carton_runtime import KernelDiedError, ModelError, SettingsError
from carton_runtime.runner_kernels import heartbeat
from carton_runtime.runner_kernels.death import Exit, death_report
from carton_runtime.testing.doubles import Fault, Phase, faulty_inputs


async def death(model: carton.Carton, fault: Fault) -> KernelDiedError:
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(KernelDiedError) as caught:
            await model.infer(faulty_inputs(Phase.INFER, fault))
    return caught.value


async def test_a_kill_from_outside_is_told_by_its_signal(model: carton.Carton) -> None:
    pid = model.kernel.pid
    error = await death(model, Fault.KILL)
    assert (error.pid, error.exit_code) == (pid, -signal.SIGKILL)
    assert error.cause == "killed (signal 9) by something outside"
    assert 10 << 20 < (error.peak_memory or 0) < 1 << 30
    assert f"the process of model 'unnamed model' (pid {pid}) ended while it ran: {error.cause}" in str(error)


async def test_an_exit_is_told_by_its_code(model: carton.Carton) -> None:
    error = await death(model, Fault.EXIT)
    assert error.exit_code == 3
    assert error.cause == "it left with exit code 3, as os._exit does"


async def test_a_crash_is_told_with_the_line_of_the_model(model: carton.Carton) -> None:
    error = await death(model, Fault.SEGV)
    assert error.exit_code == -signal.SIGSEGV
    assert "it crashed with signal 11 (SIGSEGV), in native code" in error.cause
    log = "\n".join(error.log)
    assert "Segmentation fault" in log
    assert "faults.py" in log
    assert "in _segv" in log


async def test_a_stopped_process_is_told_as_such(model: carton.Carton, quick: None) -> None:
    error = await death(model, Fault.STOP)
    assert "it was stopped (by SIGSTOP, or a debugger)" in error.cause


async def test_a_process_that_hangs_up_is_told_as_such(model: carton.Carton) -> None:
    error = await death(model, Fault.HANG_UP)
    assert "closed its connection" in error.cause


@pytest.mark.parametrize(
    ("exited", "cause"),
    [
        (Exit(-9, 5_000_000, was_oom=True), "killed (signal 9) most likely by the system, which was out of memory"),
        (Exit(-9, None), "killed (signal 9) by something outside"),
        (
            Exit(-signal.SIGBUS, None),
            f"it crashed with signal {signal.SIGBUS:d} (SIGBUS), in native code; the log has where",
        ),
        (Exit(-signal.SIGTERM, None), "ended by signal 15 (SIGTERM)"),
        (Exit(-99, None), "ended by signal 99"),
        (Exit(0, None), "it left with exit code 0, as os._exit does"),
        (Exit(None, None), "nobody knows how"),
    ],
)
def test_the_likely_cause_is_told_of_each_way_to_end(exited: Exit, cause: str) -> None:
    error = death_report("digits", 7, exited, "while it ran", "", [])
    assert error.cause == cause
    assert ("it had used 5 MB" in str(error)) is (exited.peak_memory is not None)


def test_a_reason_of_ours_goes_over_what_can_be_seen() -> None:
    error = death_report("digits", 7, Exit(-9, None, was_oom=True), "while it ran", "it was too slow", [])
    assert error.cause == "it was too slow"


async def test_the_last_lines_are_told_and_only_so_many(load_code: Load) -> None:
    source = """
        import os, sys
        class Model:
            def infer_with_tensors(self, tensors):
                for number in range(100):
                    print("line", number)
                print("the end is near", file=sys.stderr, flush=True)
                sys.stdout.flush()
                os._exit(1)
        def get_model():
            return Model()
        """
    with pytest.raises(KernelDiedError) as caught:
        await (await load_code(source)).infer(x=1)
    assert len(caught.value.log) == 20
    assert {"line 99", "the end is near"} <= set(caught.value.log)
    assert "line 99" in str(caught.value)


async def test_an_error_while_loading_is_the_models_and_no_death(load_code: Load) -> None:
    with pytest.raises(ModelError, match="No module named 'no_such_module'") as caught:
        await load_code("import no_such_module\ndef get_model(): ...")
    assert caught.value.remote_type == "ModuleNotFoundError"


async def test_a_death_while_loading_is_told_as_such(load: Load) -> None:
    with pytest.raises(KernelDiedError, match="ended while it was loading: it left with exit code 3"):
        await load(Phase.LOADING, Fault.EXIT)


async def test_callers_do_not_share_the_traceback_of_one_error(model: carton.Carton) -> None:
    """Each raises where she waits: an error that all share would show the frames of whoever raised it last."""
    calls = [asyncio.create_task(model.infer(seconds=1000.0)) for _ in range(3)]
    await settled(lambda: len(model.kernel.channel.calls) == 3)
    os.kill(model.kernel.pid, signal.SIGKILL)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert len({str(outcome) for outcome in outcomes}) == 1
    assert isinstance(outcomes[0], KernelDiedError)
    assert outcomes[0].exit_code == -9


# Memory


async def test_a_greedy_model_fails_with_a_memory_error_and_lives_on(load: Load) -> None:
    model = await load(memory_limit="300 MB")
    pid = model.kernel.pid
    with pytest.raises(ModelError) as caught:
        await model.infer(faulty_inputs(Phase.INFER, Fault.MEMORY))
    assert caught.value.remote_type == "MemoryError"
    assert int((await model.infer(x=1))["out"]) == 1
    assert model.kernel.pid == pid


async def test_memory_taken_behind_pythons_back_is_seen_and_ended(load: Load, quick: None) -> None:
    model = await load(memory_limit=300_000_000)
    error = await death(model, Fault.NATIVE_MEMORY)
    assert error.cause == "it used more memory than its limit of 300 MB"
    assert (error.peak_memory or 0) > 300_000_000


async def test_without_a_limit_there_is_none(model: carton.Carton) -> None:
    with pytest.raises(ModelError, match="it got all the memory that it wanted"):
        await model.infer(faulty_inputs(Phase.INFER, Fault.MEMORY))


@pytest.mark.parametrize("limit", [1, "1 MB", "20 MB"])
async def test_a_limit_too_small_for_any_model_is_told_with_what_is_possible(load: Load, limit: str | int) -> None:
    words = r"memory_limit is .* MB, and the process of model 'unnamed model' needs (\d+) MB before it loads anything"
    with pytest.raises(SettingsError, match=words) as caught:
        await load(memory_limit=limit)
    found = re.search(words, str(caught.value))
    assert found is not None
    model = await load(memory_limit=f"{int(found[1]) + 5} MB")
    assert int((await model.infer(x=1))["out"]) == 1, "what is named as possible is"


FORKS = """
import mmap, os, subprocess, sys, time

HOG = "import time; hog = b'x' * 150_000_000; time.sleep(1000)"

class Model:
    def infer_with_tensors(self, tensors):
        do = str(tensors.get("do", ""))
        if do == "spawn":
            for _ in range(3):
                subprocess.Popen([sys.executable, "-c", HOG], start_new_session=True)
        if do == "fork":
            shared = mmap.mmap(-1, 150_000_000)  # anonymous and shared, which RLIMIT_DATA does not count
            shared.write(b"x" * len(shared))
            for _ in range(4):
                if os.fork() == 0:
                    sum(shared[::4096])
                    time.sleep(1000)
        if do:
            time.sleep(float(tensors["seconds"]))
        return {"out": tensors["x"]}

def get_model():
    return Model()
"""


async def test_greedy_children_of_a_model_count_and_go_with_it(load_code: Load, quick: None) -> None:
    model = await load_code(FORKS, memory_limit="300 MB")  # more than any of them has
    bystander = await load_code(FORKS)
    with pytest.raises(KernelDiedError) as caught:
        await model.infer(x=1, do="spawn", seconds=100.0)
    assert re.match(r"it and the \d processes that it started used more memory than its limit", caught.value.cause)
    assert (caught.value.peak_memory or 0) > 300_000_000
    assert int((await model.infer(x=1))["out"]) == 1, "and the model comes back"
    assert int((await bystander.infer(x=1))["out"]) == 1


async def test_what_a_model_shares_with_its_children_counts_once(load_code: Load, quick: None) -> None:
    model = await load_code(FORKS, memory_limit="400 MB")
    pid = model.kernel.pid
    assert int((await model.infer(x=1, do="fork", seconds=1.5))["out"]) == 1
    assert (model.kernel.resident_memory or 0) > 600_000_000, "counted for each, it would be too much"
    assert model.kernel.pid == pid


async def test_memory_in_use_is_known(model: carton.Carton, monkeypatch: pytest.MonkeyPatch) -> None:
    await settled(lambda: model.kernel.resident_memory is not None)
    assert 10 << 20 < (model.kernel.resident_memory or 0) < 1 << 30


# Busy or stopped


async def test_a_process_that_holds_on_to_the_interpreter_is_busy_and_left_alone(
    model: carton.Carton, quick: None
) -> None:
    """It does not answer; but no time is too long for a model that computes."""
    call = asyncio.create_task(model.infer(faulty_inputs(Phase.INFER, Fault.GIL_LOOP)))
    await settled(lambda: model.kernel.silence > 3 * heartbeat._LONGEST_STOP)
    assert not call.done()
    call.cancel()
    await asyncio.wait([call])


async def test_a_process_that_is_stopped_while_nobody_waits_is_left_alone(model: carton.Carton, quick: None) -> None:
    kernel = model.kernel
    os.kill(kernel.pid, signal.SIGSTOP)
    await asyncio.sleep(3 * heartbeat._LONGEST_STOP)
    os.kill(kernel.pid, signal.SIGCONT)
    assert int((await model.infer(x=1))["out"]) == 1
    assert model.kernel is kernel


async def test_a_process_that_never_greets_has_a_deadline(start: Start, quick: None, tmp_path: object) -> None:
    from pathlib import Path

    silent = Path(str(tmp_path)) / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n", encoding="utf-8")
    silent.chmod(0o755)
    with pytest.raises(carton.ProtocolError, match="said nothing for 2 s"):
        await start(silent)


async def test_a_peak_of_memory_is_the_models_and_not_its_hosts(load: Load) -> None:
    ballast = bytearray(1_500_000_000)
    ballast[::4096] = b"x" * len(ballast[::4096])  # a process inherits the peak of the one that starts it
    model = await load()
    error = await death(model, Fault.KILL)
    assert 10 << 20 < (error.peak_memory or 0) < 1 << 30
    del ballast
