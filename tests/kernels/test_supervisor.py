"""How often a model that dies comes back."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from kernels.conftest import Load, settled

import carton_runtime as carton
from carton_runtime import KernelDiedError, SettingsError
from carton_runtime.runner_kernels import supervisor as module
from carton_runtime.runner_kernels.record import KernelState
from carton_runtime.runner_kernels.supervisor import RestartPolicy
from carton_runtime.testing.doubles import Fault, Phase


async def dies(model: carton.Carton) -> None:
    kernel = model.kernel
    os.kill(kernel.pid, signal.SIGKILL)
    await settled(lambda: kernel.state is KernelState.DEAD)


async def works(model: carton.Carton) -> None:
    assert int((await model.infer(x=1))["out"]) == 1


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays before restarts, which are not waited for."""
    found: list[float] = []
    before = RestartPolicy.delay_before

    def no_delay(policy: RestartPolicy, start: int) -> float:
        found.append(before(policy, start))
        return 0.0

    monkeypatch.setattr(RestartPolicy, "delay_before", no_delay)
    return found


def test_delays_double_up_to_a_limit_and_the_first_start_is_at_once() -> None:
    policy = RestartPolicy(delay=1.0, longest_delay=5.0)
    assert [policy.delay_before(start) for start in range(6)] == [0, 1, 2, 4, 5, 5]


def test_a_delay_doubles_as_often_as_one_likes() -> None:
    assert RestartPolicy(budget=10_000).delay_before(9_999) == 5.0
    assert RestartPolicy(budget=10_000, delay=0).delay_before(9_999) == 0


@pytest.mark.parametrize("name", ["budget", "period", "delay", "longest_delay"])
@pytest.mark.parametrize("value", ["1", -1, float("nan"), True, None], ids=repr)
def test_a_policy_that_is_no_number_is_refused_with_words(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=rf"RestartPolicy: {name}=.* is no .* from 0 up"):
        RestartPolicy(**{name: value})  # type: ignore[arg-type]


async def test_a_model_that_died_comes_back_with_the_next_call(load: Load, delays: list[float]) -> None:
    model = await load()
    first = model.kernel
    await dies(model)
    await works(model)
    assert model.kernel is not first
    assert model.kernel.statistics.restarts == 1
    assert delays == [0.0]


async def test_each_restart_within_the_period_waits_longer(load: Load, delays: list[float]) -> None:
    model = await load(restart_policy=RestartPolicy(budget=4, delay=0.5))
    for _ in range(4):
        await dies(model)
        await works(model)
    assert delays == [0.0, 0.5, 1.0, 2.0]


async def test_a_model_that_dies_too_often_stays_dead_until_it_is_restarted(load: Load, delays: list[float]) -> None:
    model = await load(restart_policy=RestartPolicy(budget=2))
    for _ in range(2):
        await dies(model)
        await works(model)
    await dies(model)
    with pytest.raises(KernelDiedError, match=r"died 2 times within 60 s; restart\(\) starts it all the same. Last: "):
        await model.infer(x=1)
    await model.restart()
    await works(model)


async def test_a_budget_is_for_a_period(load: Load, delays: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr(module, "time", Clock)
    model = await load(restart_policy=RestartPolicy(budget=1, period=10.0))
    for _ in range(3):
        await dies(model)
        await works(model)
        now[0] += 11.0
    assert delays == [0.0, 0.0, 0.0]


async def test_a_budget_of_nothing_never_restarts(load: Load) -> None:
    model = await load(restart_policy=RestartPolicy(budget=0))
    await dies(model)
    with pytest.raises(KernelDiedError, match="died and may not start again"):
        await model.infer(x=1)


async def test_a_model_that_cannot_come_back_says_why_to_each_caller(
    load: Load, tmp_path: Path, delays: list[float]
) -> None:
    flag = tmp_path / "full"
    model = await load(Phase.LOADING, Fault.FULL_DISK, only_if=flag)
    flag.touch()
    await dies(model)
    outcomes = await asyncio.gather(*(model.infer(x=1) for _ in range(3)), return_exceptions=True)
    assert all("No space left on device" in str(outcome) for outcome in outcomes)
    flag.unlink()
    await works(model)


async def test_calls_that_wait_while_it_dies_all_learn_of_it_and_none_hangs(load: Load) -> None:
    model = await load()
    calls = [asyncio.create_task(model.infer(seconds=1000.0)) for _ in range(8)]
    await settled(lambda: len(model.kernel.channel.calls) == 8)
    os.kill(model.kernel.pid, signal.SIGKILL)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, KernelDiedError) for outcome in outcomes)
    await works(model)


HELD_OPEN = """
import subprocess, time
class Model:
    def infer_with_tensors(self, tensors):
        if "seconds" in tensors:
            subprocess.Popen(["sleep", "1"], start_new_session=True)  # has our stdout, and outlives us
            print("started", flush=True)
            time.sleep(float(tensors["seconds"]))
        return {"out": tensors["x"]}
def get_model():
    return Model()
"""


async def test_calls_learn_how_a_model_died_also_when_the_next_call_brings_it_back_at_once(load_code: Load) -> None:
    model = await load_code(HELD_OPEN)
    kernel = model.kernel
    calls = [asyncio.create_task(model.infer(seconds=1000.0)) for _ in range(3)]
    await settled(lambda: bool(kernel.log))
    os.kill(kernel.pid, signal.SIGKILL)
    await settled(lambda: not kernel.is_alive)  # and its last words are waited for, before it is reported
    await works(model)
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [KernelDiedError] * 3
    assert model.kernel is not kernel
