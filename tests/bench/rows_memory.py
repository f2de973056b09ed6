"""Large tensors."""

from __future__ import annotations

import asyncio

import numpy as np

from tests.bench.baselines import two_copies
from tests.bench.home import Home
from tests.bench.rows_calls import TENSORS
from tests.bench.table import Row
from tests.bench.timing import each, each_awaited, in_turns

SIZE = 64 << 20


def large(home: Home) -> list[Row]:
    """64 MiB in and 64 MiB out."""
    return [row for behaviour in ("answer", "echo") for row in asyncio.run(_large(home, behaviour))]


async def _large(home: Home, behaviour: str) -> list[Row]:
    tensors = {"x": np.ones(SIZE // 4, np.float32)}
    async with await home.aload(behaviour, bytes_out=SIZE) as model:
        series = await in_turns(
            {"ours": each_awaited(lambda: model.infer(tensors)), "copies": each(two_copies(SIZE))},
            rounds=home.times(8),
            calls=4,
        )
    note = "its own array out" if behaviour == "answer" else "its input out"
    return [Row(f"64 MiB in and out, {behaviour}, p50", series["ours"].p50, series["copies"].p50, "ms", 1.3, note=note)]


def shared(home: Home) -> list[Row]:
    """64 MiB in memory of `alloc_tensor`, in and out, against the small call."""
    return [asyncio.run(_shared(home))]


async def _shared(home: Home) -> Row:
    async with await home.aload("shared", bytes_out=SIZE) as model, await home.aload() as small:
        tensors = {"x": model.alloc_tensor((SIZE // 4,), np.float32)}
        series = await in_turns(
            {
                "ours": each_awaited(lambda: model.infer(tensors)),
                "small": each_awaited(lambda: small.infer(TENSORS)),
            },
            rounds=home.times(10),
            calls=50,
        )
    note = "baseline: the small call"
    return Row("64 MiB by alloc_tensor, p50", series["ours"].p50, series["small"].p50, bar=3, note=note)
