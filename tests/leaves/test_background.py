"""The background loop: used from everywhere, waited for by nobody for ever."""

from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from carton_runtime import background
from carton_runtime.background import background_loop, run, run_blocking, submit

LONG = 30  # seconds; what is never reached


async def where() -> str:
    return threading.current_thread().name


class Work:
    """Work that says when it runs, goes on until it is cancelled, and says when it was."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.cancelled = threading.Event()

    async def __call__(self) -> None:
        self.running.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def happens(event: threading.Event) -> bool:
    return await asyncio.to_thread(event.wait, LONG)


def test_work_runs_on_a_thread_of_its_own() -> None:
    assert run_blocking(where()) == "carton-runtime"


def test_the_thread_keeps_no_interpreter_alive() -> None:
    background_loop()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "carton-runtime")
    assert thread.daemon


def test_there_is_one_loop_however_many_threads_ask_first() -> None:
    code = """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from carton_runtime.background import background_loop
        ready = threading.Barrier(8)
        def ask():
            ready.wait()
            return background_loop()
        with ThreadPoolExecutor(8) as pool:
            loops = {f.result() for f in [pool.submit(ask) for _ in range(8)]}
        print(len(loops))
    """
    assert python(code) == "1"


def test_any_loop_may_await_it_one_after_the_other() -> None:
    assert [asyncio.run(run(where())) for _ in range(3)] == ["carton-runtime"] * 3


def test_loops_of_several_threads_may_await_it_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(asyncio.run, run(where())) for _ in range(4)]
    assert [future.result() for future in found] == ["carton-runtime"] * 4


def test_the_background_loop_itself_may_await_it() -> None:
    async def outer() -> str:
        return await run(where())

    assert run_blocking(outer()) == "carton-runtime"


async def fails() -> None:
    raise LookupError("the work's own")


async def test_an_error_of_the_work_reaches_who_awaits_it() -> None:
    with pytest.raises(LookupError, match="the work's own"):
        await run(fails())


def test_an_error_of_the_work_reaches_who_waits_for_it() -> None:
    with pytest.raises(LookupError, match="the work's own"):
        run_blocking(fails())


async def test_cancelling_who_awaits_cancels_the_work() -> None:
    work = Work()
    task = asyncio.create_task(run(work()))
    assert await happens(work.running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await happens(work.cancelled)


async def test_a_time_limit_of_who_awaits_cancels_the_work() -> None:
    work = Work()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run(work())
    assert await happens(work.cancelled)


async def test_work_that_was_cancelled_there_is_cancelled_here() -> None:
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await run(cancels_itself())


async def test_a_waiting_loop_turns_often() -> None:
    work = Work()
    task = asyncio.create_task(run(work()))
    assert await happens(work.running)
    turns = await _turns_of_an_otherwise_idle_loop(3)
    task.cancel()
    await asyncio.wait({task})
    assert turns == 3


async def _turns_of_an_otherwise_idle_loop(wanted: int) -> int:
    """How often `select` returned, up to `wanted`; each return lets a signal's handler run."""
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    original, seen, enough = selector.select, [], asyncio.Event()

    def counted(timeout: float | None = None):
        seen.append(timeout)
        if len(seen) >= wanted:
            enough.set()
        assert timeout is not None, "the loop would sleep until something happens"
        return original(timeout)

    selector.select = counted
    try:
        await enough.wait()
    finally:
        selector.select = original
    return min(len(seen), wanted)


def test_submitted_work_can_be_waited_for_and_cancelled() -> None:
    assert submit(where()).result(LONG) == "carton-runtime"
    work = Work()
    future = submit(work())
    assert work.running.wait(LONG)
    future.cancel()
    assert work.cancelled.wait(LONG)


def test_a_blocking_call_on_the_loop_is_refused_and_not_waited_for() -> None:
    async def deadlock() -> None:
        run_blocking(where())

    with pytest.raises(RuntimeError, match="would wait for itself; await it instead"):
        run_blocking(deadlock())


def test_a_blocking_call_while_a_loop_runs_in_the_same_thread_is_served() -> None:
    async def cell() -> str:
        return run_blocking(where())

    assert asyncio.run(cell()) == "carton-runtime"


INTERRUPTED = """
    import asyncio, os, signal, threading
    from carton_runtime.background import run, run_blocking
    stopped = threading.Event()

    async def work():
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
    {call}
"""
BLOCKING = """
    try:
        run_blocking(work())
    except KeyboardInterrupt:
        print("interrupted", stopped.wait(30))
"""
AWAITED = """
    try:
        asyncio.run(run(work()))
    except KeyboardInterrupt:
        print("interrupted", stopped.wait(30))
"""
RAISED_IN_THE_TASK = """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    async def cell():
        await run(work())
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(cell())
    except KeyboardInterrupt:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        print("interrupted", stopped.wait(30))
    loop.close()
"""


@pytest.mark.parametrize("call", [BLOCKING, AWAITED, RAISED_IN_THE_TASK], ids=["blocking", "awaited", "bare loop"])
def test_ctrl_c_ends_the_wait_and_the_work(call: str) -> None:
    assert python(INTERRUPTED.format(call=call)) == "interrupted True"


ALARM = """
    def ring(*_):
        raise LookupError
    signal.signal(signal.SIGINT, ring)
    try:
        run_blocking(work())
    except LookupError:
        print("interrupted", stopped.wait(5))
"""


def test_any_error_of_a_signal_handler_ends_the_wait_and_the_work() -> None:
    assert python(INTERRUPTED.format(call=ALARM)) == "interrupted True"


WAITING = {threading.__file__, concurrent.futures._base.__file__, background.__file__}
BEFORE = {"run_blocking", "is_here", "__init__", "background_loop"}
"""What runs before the work does."""


@contextmanager
def interrupted(step: int) -> Iterator[None]:
    """Raise `KeyboardInterrupt` before the n-th bytecode of this thread's waiting."""
    left = itertools.count(step, -1)

    def trace(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if code.co_filename not in WAITING or code.co_name in BEFORE:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and next(left) == 0:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.mark.timeout(30)
def test_an_interrupt_at_any_step_of_the_wait_leaves_no_lock_behind() -> None:
    async def soon() -> int:
        await asyncio.sleep(0.01)
        return 1

    for step in itertools.count():
        try:
            with interrupted(step):
                assert run_blocking(soon()) == 1
                break
        except KeyboardInterrupt:
            assert run_blocking(soon()) == 1, f"after an interrupt at step {step}"
    assert step > 20


def test_after_a_fork_the_child_has_a_loop_of_its_own() -> None:
    code = """
        import os, warnings
        from carton_runtime.background import background_loop, run_blocking
        warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads forks is what we try
        async def answer():
            return os.getpid()
        assert run_blocking(answer()) == os.getpid()
        child = os.fork()
        if child == 0:
            os._exit(0 if run_blocking(answer()) == os.getpid() else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), run_blocking(answer()) == os.getpid())
    """
    assert python(code) == "0 True"


def test_a_fork_while_the_lock_is_held_leaves_no_child_waiting() -> None:
    code = """
        import os
        from carton_runtime import background
        async def answer():
            return 5
        with background._lock:
            child = os.fork()
            if child == 0:
                os._exit(background.run_blocking(answer()))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert python(code) == "5"


def test_a_script_ends_while_the_loop_runs() -> None:
    assert python("from carton_runtime.background import background_loop\nbackground_loop()\nprint('end')") == "end"


def python(code: str) -> str:
    """What the code prints in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
