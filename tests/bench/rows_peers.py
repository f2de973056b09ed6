"""Our calls against those of others."""

from __future__ import annotations

import asyncio

import numpy as np

from tests.bench.home import Home
from tests.bench.peers import PEERS, is_installed
from tests.bench.rows_calls import TENSORS
from tests.bench.table import Row
from tests.bench.timing import each, each_awaited, in_turns

LARGE = {"x": np.ones(16 << 20, np.float32)}


def peers(home: Home) -> list[Row]:
    """The small call and 64 MiB, each side by side with each of the others."""
    rows = []
    for name, (module, _) in PEERS.items():
        if not is_installed(module):
            rows.append(Row(f"against {name}", None, note=f"skipped: {module} is not installed"))
            continue
        rows.append(asyncio.run(_against(home, name, TENSORS, "small call", calls=50)))
        rows.append(asyncio.run(_against(home, name, LARGE, "64 MiB", calls=2)))
    return rows


async def _against(home: Home, name: str, tensors: dict[str, np.ndarray], what: str, calls: int) -> Row:
    async with await home.aload() as model:
        with PEERS[name][1](tensors["x"]) as call:
            series = await in_turns(
                {"ours": each_awaited(lambda: model.infer(tensors)), "theirs": each(call)},
                rounds=home.times(6),
                calls=calls,
            )
    unit = "us" if what == "small call" else "ms"
    return Row(f"{what} against {name}, p50", series["ours"].p50, series["theirs"].p50, unit, bar=1)
