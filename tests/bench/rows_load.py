"""Loading."""

from __future__ import annotations

import asyncio

from tests.bench.baselines import start_and_import
from tests.bench.home import Home
from tests.bench.rows_calls import TENSORS
from tests.bench.table import Row
from tests.bench.timing import each, each_awaited, in_turns


def warm_load(home: Home) -> list[Row]:
    """A cached, numpy-only carton to its first result; and what the first load had to build."""
    python = home.python
    stages = [
        Row(f"first load: {event.step}", event.elapsed, unit="ms", note=event.message.partition("\n")[0])
        for event in home.first_build
    ]
    return [*asyncio.run(_warm_load(home, start_and_import(python))), *stages]


async def _warm_load(home: Home, bare) -> list[Row]:
    opened = []

    async def to_first_result() -> None:
        model = await home.aload()
        await model.infer(TENSORS)
        opened.append(model)

    async def batch(calls: int) -> list[float]:
        seconds = []
        for _ in range(calls):
            seconds += await each_awaited(to_first_result)(1)
            await opened.pop().aclose()  # closing is not part of the measure
        return seconds

    series = await in_turns({"ours": batch, "bare": each(bare)}, rounds=home.times(15), calls=1)
    return [Row("warm load to first result", series["ours"].p50, series["bare"].p50, unit="ms", bar=3)]
