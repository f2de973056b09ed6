"""Small calls: one float32[5] in and out."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from tests.bench.baselines import ping_pong
from tests.bench.home import Home
from tests.bench.table import Row
from tests.bench.timing import Series, each, each_awaited, in_turns, quantile

_LATE = 0.002  # seconds

TENSORS = {"x": np.arange(5, dtype=np.float32)}


def small_call(home: Home) -> list[Row]:
    """From a plain script: awaited, and blocking."""
    return [*asyncio.run(awaited_calls(home, "script")), *asyncio.run(_blocking_calls(home))]


async def awaited_calls(home: Home, where: str) -> list[Row]:
    """Awaited on the running loop, wherever that is."""
    async with await home.aload() as model:
        with ping_pong(TENSORS, TENSORS) as exchange:
            series = await in_turns(
                {"ours": each_awaited(lambda: model.infer(TENSORS)), "ping-pong": each(exchange)},
                rounds=home.times(20),
                calls=200,
            )
    return _rows(f"small call, await, {where}", series)


async def _blocking_calls(home: Home) -> list[Row]:
    model = await asyncio.to_thread(home.load)
    with model, ping_pong(TENSORS, TENSORS) as exchange:
        series = await in_turns(
            {"ours": each(lambda: model.infer(TENSORS)), "ping-pong": each(exchange)}, rounds=home.times(20), calls=200
        )
    return _rows("small call, blocking, script", series)


def _rows(name: str, series: dict[str, Series]) -> list[Row]:
    ours, base = series["ours"], series["ping-pong"]
    tail = f"the ping-pong's own p99 is {base.quantile(0.99) * 1e6:.0f} µs"
    return [
        Row(f"{name}, p50", ours.p50, base.p50, bar=2),
        Row(f"{name}, p99", ours.quantile(0.99), base.p50, bar=10, note=f"against the ping-pong's p50; {tail}"),
    ]


def ticker(home: Home) -> list[Row]:
    """How late a task that wants to run each millisecond is, while the same loop makes calls."""
    return asyncio.run(awaited_ticker(home, "script"))


async def awaited_ticker(home: Home, where: str) -> list[Row]:
    """The same on the running loop, wherever that is."""
    idle: list[float] = []
    busy: list[float] = []
    async with await home.aload() as model:
        for _ in range(home.times(10)):
            idle += await _lateness(asyncio.sleep(0.5))
            busy += await _lateness(_calls_for(model.infer, 0.5))
    late, late_idle = (f"{sum(tick > _LATE for tick in ticks)} of {len(ticks):,}" for ticks in (busy, idle))
    note = f"p99 {quantile(busy, 0.99) * 1e6:.0f} µs; later than that: {late}; baseline, an idle loop: {late_idle}"
    return [Row(f"1 ms ticker beside calls, {where}, latest", max(busy), max(idle), limit=_LATE, note=note)]


async def _calls_for(infer, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        await infer(TENSORS)


async def _lateness(work) -> list[float]:
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - due)

    ticking = asyncio.create_task(tick())
    await work
    ticking.cancel()
    return late


def one_ms(home: Home) -> list[Row]:
    """Models that take 1 ms, against what they say it took."""
    return [row for behaviour in ("busy", "asleep") for row in asyncio.run(_one_ms(home, behaviour))]


async def _one_ms(home: Home, behaviour: str) -> list[Row]:
    inside = Series()

    async with await home.aload(behaviour) as model:

        async def batch(calls: int) -> list[float]:
            took: list[float] = []
            seconds = []
            for _ in range(calls):
                start = time.perf_counter()
                result = await model.infer(TENSORS)
                seconds.append(time.perf_counter() - start)
                took.append(float(result["took"]))
            inside.rounds.append(took)
            return seconds

        series = await in_turns({"ours": batch}, rounds=home.times(10), calls=100)
    return [Row(f"model of 1 ms, {behaviour}, p50", series["ours"].p50, inside.p50, unit="ms", bar=1.1)]


def callers(home: Home) -> list[Row]:
    """Sixteen callers at once against one."""
    return [row for behaviour in ("many", "overlapping") for row in asyncio.run(_callers(home, behaviour))]


async def _callers(home: Home, behaviour: str) -> list[Row]:
    rates: dict[int, list[float]] = {1: [], 16: []}
    calls = home.times(800 if behaviour == "many" else 160)
    async with await home.aload(behaviour) as model:

        async def caller(count: int) -> None:
            for _ in range(count):
                await model.infer(TENSORS)

        for _ in range(home.times(8)):
            for number, found in rates.items():
                start = time.perf_counter()
                await asyncio.gather(*(caller(max(1, calls // number)) for _ in range(number)))
                found.append(max(1, calls // number) * number / (time.perf_counter() - start))
    one, many = (quantile(rates[number], 0.5) for number in (1, 16))
    return [Row(f"16 callers, {behaviour}", many, one, unit="/s", bar=2, note="baseline: one caller")]
