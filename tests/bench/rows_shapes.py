"""Tensors of several sizes and kinds, streams and sealed inputs: no bars, to see how cost grows."""

from __future__ import annotations

import asyncio
import statistics
import time

import numpy as np

from carton_runtime import NestedTensor
from tests.bench.baselines import ping_pong
from tests.bench.home import Home
from tests.bench.rows_calls import TENSORS
from tests.bench.table import Row
from tests.bench.timing import each, each_awaited, in_turns

ITEMS = 1_000


def shapes(home: Home) -> list[Row]:
    """Each kind of tensor in and out again, against the exchange of as many bytes."""
    rng = np.random.default_rng(7)
    kinds = {
        "1 KB": rng.random(1_000 // 4, np.float32),
        "100 KB": rng.random(100_000 // 4, np.float32),
        "1 MB": rng.random(1_000_000 // 4, np.float32),
        "10,000 strings": np.array([f"word {number}" for number in range(10_000)]),
        "nested, 100 arrays": NestedTensor([rng.random(number + 1) for number in range(100)]),
    }
    return [asyncio.run(_echoed(home, name, {"x": tensor})) for name, tensor in kinds.items()]


async def _echoed(home: Home, name: str, tensors: dict[str, object]) -> Row:
    async with await home.aload() as model:
        with ping_pong(tensors, tensors) as exchange:
            series = await in_turns(
                {"ours": each_awaited(lambda: model.infer(tensors)), "ping-pong": each(exchange)},
                rounds=home.times(10),
                calls=50,
            )
    return Row(f"{name} in and out, p50", series["ours"].p50, series["ping-pong"].p50)


def streaming(home: Home) -> list[Row]:
    """Items per second of a stream of small items, against one exchange for each."""
    return [asyncio.run(_streaming(home))]


async def _streaming(home: Home) -> Row:
    ours: list[float] = []
    base: list[float] = []
    async with await home.aload("stream") as model:
        with ping_pong({}, TENSORS) as exchange:
            for _ in range(home.times(10)):
                start = time.perf_counter()
                count = 0
                async for _ in model.streaming_infer(n=ITEMS):
                    count += 1
                ours.append(count / (time.perf_counter() - start))
                base.append(1 / statistics.median(await each(exchange)(200)))
    note = "baseline: a ping-pong for each item"
    return Row("streamed items", statistics.median(ours), statistics.median(base), "/s", note=note)


def sealed(home: Home) -> list[Row]:
    """A call on inputs that were sealed before, against the call that brings them along."""
    return [asyncio.run(_sealed(home, name, size)) for name, size in (("float32[5]", 5), ("1 MB", 250_000))]


async def _sealed(home: Home, name: str, size: int) -> Row:
    tensors = {"x": np.ones(size, np.float32)}
    async with await home.aload("answer", bytes_out=20) as model:

        async def batch(calls: int) -> list[float]:
            seconds = []
            for _ in range(calls):
                handle = await model.seal(tensors)
                start = time.perf_counter()
                await model.infer_with_handle(handle)
                seconds.append(time.perf_counter() - start)
            return seconds

        series = await in_turns(
            {"sealed": batch, "plain": each_awaited(lambda: model.infer(tensors))}, rounds=home.times(10), calls=100
        )
    note = "without the time to seal; baseline: infer"
    return Row(f"sealed {name} in, p50", series["sealed"].p50, series["plain"].p50, note=note)
