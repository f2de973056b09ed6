"""Every fault at every phase: each ends in its typed error, none hangs, and the next load works.

The default run takes each fault during a call, and each phase with some of them; marked `soak` is all of it, with
the limits that users have.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest
from kernels.conftest import Load, Start

import carton_runtime as carton
from carton_runtime import KernelDiedError, ModelError, ProtocolError
from carton_runtime.runner_kernels import channel
from carton_runtime.runner_kernels.record import KernelState
from carton_runtime.testing.doubles import Fault, Phase, faulty_inputs, faulty_interpreter

LIMIT = 300 << 20
GIVES_UP = 1.0  # seconds after which a caller leaves a model that never ends
BOUND = 30.0  # seconds that anything at all may take, on a machine that is busy

HANGS = (*(fault for fault in Fault if fault.never_ends), Fault.HALF_FRAME)
"""What looks like work from outside: the caller's patience is the only bound."""

DIES = (Fault.KILL, Fault.SEGV, Fault.EXIT, Fault.STOP, Fault.NATIVE_MEMORY, Fault.HANG_UP)
RAISES = {Fault.MEMORY: "MemoryError", Fault.FULL_DISK: "OSError"}
EXIT_CODES = {Fault.KILL: -signal.SIGKILL, Fault.SEGV: -signal.SIGSEGV, Fault.EXIT: 3}

ALWAYS = {
    Phase.STARTING: (Fault.SEGV, Fault.GARBAGE, Fault.FLOOD, Fault.GIL_LOOP),
    Phase.LOADING: (Fault.KILL, Fault.STOP, Fault.MEMORY, Fault.LOOP, Fault.LYING_FRAME),
    Phase.INFER: tuple(Fault),
    Phase.STREAM: (Fault.KILL, Fault.FULL_DISK, Fault.LOOP, Fault.GIL_LOOP),
    Phase.SEAL: (Fault.EXIT, Fault.MEMORY, Fault.STUBBORN),
    Phase.CLOSING: (Fault.KILL, Fault.STOP, Fault.LOOP),
}


def every(phase: Phase) -> Any:
    """All faults of a phase; those that are not in `ALWAYS` only in a long run."""
    marks = {fault: () if fault in ALWAYS[phase] else (pytest.mark.soak,) for fault in Fault}
    return pytest.mark.parametrize("fault", [pytest.param(fault, marks=marks[fault], id=fault) for fault in Fault])


def expected(fault: Fault, phase: Phase) -> type[BaseException] | None:
    """How it ends for the caller; `None` when it does not fail."""
    if fault in HANGS:
        return ProtocolError if phase is Phase.STARTING else TimeoutError
    if fault in DIES or (fault in RAISES and phase is Phase.STARTING):
        return KernelDiedError
    if fault in RAISES:
        return ModelError
    return None if fault is Fault.FLOOD else ProtocolError


def assert_is(error: BaseException, fault: Fault, phase: Phase) -> None:
    wanted = expected(fault, phase)
    assert wanted is not None
    assert isinstance(error, wanted), repr(error)
    if isinstance(error, KernelDiedError) and fault in EXIT_CODES:
        assert error.exit_code == EXIT_CODES[fault]
    if isinstance(error, ModelError):
        assert error.remote_type == RAISES[fault]


async def outcome(work: Any, fault: Fault) -> BaseException | None:
    """What `work` raises; the caller of what never ends leaves after a moment."""
    async with asyncio.timeout(BOUND):
        try:
            async with asyncio.timeout(GIVES_UP if fault in HANGS else BOUND):
                await work
        except (carton.CartonError, TimeoutError) as error:
            return error
    return None


@every(Phase.STARTING)
async def test_a_process_that_fails_before_it_greets(fault: Fault, start: Start, tmp_path: Path, quick: None) -> None:
    async with asyncio.timeout(BOUND):
        try:
            kernel = await start(faulty_interpreter(tmp_path, fault), memory_limit=LIMIT)
        except carton.CartonError as error:
            assert_is(error, fault, Phase.STARTING)
        else:
            assert expected(fault, Phase.STARTING) is None
            assert kernel.state is KernelState.IDLE
    assert (await start()).state is KernelState.IDLE, "the next one starts"


@every(Phase.LOADING)
async def test_a_model_that_fails_while_it_loads(fault: Fault, load: Load, quick: None) -> None:
    error = await outcome(load(Phase.LOADING, fault, memory_limit=LIMIT), fault)
    if fault is Fault.FLOOD:
        assert error is None
    else:
        assert error is not None
        assert_is(error, fault, Phase.LOADING)
    assert int((await (await load()).infer(x=1))["out"]) == 1, "the next load works"


async def stream(model: carton.Carton, inputs: dict[str, Any]) -> None:
    async for _ in model.streaming_infer(inputs):
        pass


CALLS = {
    Phase.INFER: lambda model, inputs: model.infer(inputs),
    Phase.STREAM: stream,
    Phase.SEAL: lambda model, inputs: model.seal(inputs),
}


async def fails_in_a_call(phase: Phase, fault: Fault, load: Load) -> None:
    model = await load(memory_limit=LIMIT)
    first = model.kernel.pid
    error = await outcome(CALLS[phase](model, faulty_inputs(phase, fault)), fault)
    if fault is Fault.FLOOD:
        assert error is None
    else:
        assert error is not None
        assert_is(error, fault, phase)
    async with asyncio.timeout(BOUND):
        while True:
            try:
                reply = await model.infer(x=1)
                break
            except (KernelDiedError, ProtocolError):
                continue  # a kernel that was to be killed takes this call with it
    assert int(reply["out"]) == 1, "the model is usable again"
    survives = fault in (Fault.FLOOD, Fault.LOOP, *RAISES)
    assert (int(reply["pid"]) == first) is survives


@every(Phase.INFER)
async def test_a_model_that_fails_in_a_call(fault: Fault, load: Load, quick: None) -> None:
    await fails_in_a_call(Phase.INFER, fault, load)


async def test_half_a_message_and_nothing_more_ends_a_call_without_a_time_limit(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_LONGEST_PAUSE", 1.0)
    model = await load()
    async with asyncio.timeout(BOUND):
        with pytest.raises(ProtocolError, match="part of a message, and then nothing for 1 s"):
            await model.infer(faulty_inputs(Phase.INFER, Fault.HALF_FRAME))
        assert int((await model.infer(x=1))["out"]) == 1, "the model is usable again"


@every(Phase.STREAM)
async def test_a_model_that_fails_between_two_items(fault: Fault, load: Load, quick: None) -> None:
    await fails_in_a_call(Phase.STREAM, fault, load)


@every(Phase.SEAL)
async def test_a_model_that_fails_when_it_is_handed_inputs(fault: Fault, load: Load, quick: None) -> None:
    await fails_in_a_call(Phase.SEAL, fault, load)


@every(Phase.CLOSING)
async def test_a_model_that_fails_when_it_is_to_end(fault: Fault, load: Load, quick: None) -> None:
    model = await load(Phase.CLOSING, fault, memory_limit=LIMIT)
    await model.infer(x=1)
    async with asyncio.timeout(BOUND):
        await model.aclose()
    assert model.kernel.state is KernelState.DEAD
    with pytest.raises(carton.ModelClosedError):
        await model.infer(x=1)
