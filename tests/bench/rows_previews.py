"""What the panel shows of large tensors: chosen, made and summed up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from carton_jupyter.previews import kinds_of, preview, summary
from tests.bench.home import Home
from tests.bench.table import Row
from tests.bench.timing import each, in_turns

_VALUES = 100_000_000
_PICTURE = (1024, 1366, 3)  # 4 MB
_ROUNDS = 5
_LIMIT = 0.3


def previews(home: Home) -> list[Row]:
    """Tensors of a hundred million values in several shapes, and a picture of 4 MB."""
    rows = []
    for name, make in _tensors(home.times(_VALUES)).items():
        rows.append(asyncio.run(_shown(home, name, make())))
    picture = np.random.default_rng(7).integers(0, 256, _PICTURE).astype(np.uint8)
    return [*rows, asyncio.run(_shown(home, "a picture of 4 MB", picture))]


def _tensors(count: int) -> dict[str, Callable[[], np.ndarray[Any, Any]]]:
    """Made one after the other: together they would take gigabytes."""
    side = math.isqrt(count)
    third = max(2, math.isqrt(count // 3))
    return {
        "1e8 float32 in a row": lambda: np.linspace(-1, 1, count, dtype=np.float32),
        "1e8 float64, transposed": lambda: np.ones((side, side)).T,
        "1e8 float32, a picture": lambda: np.full((third, third, 3), 0.5, np.float32),
        "1e8 uint8, labels": lambda: np.ones((side, side), np.uint8),
    }


async def _shown(home: Home, name: str, tensor: np.ndarray[Any, Any]) -> Row:
    batches = {"ours": each(lambda: _show(tensor)), "base": each(tensor.sum)}
    series = await in_turns(batches, rounds=home.times(_ROUNDS), calls=1)
    kind = kinds_of(tensor)[0]
    note = f"shown as {kind}; baseline: its sum()"
    return Row(f"preview, {name}", series["ours"].p50, series["base"].p50, "ms", limit=_LIMIT, note=note)


def _show(tensor: np.ndarray[Any, Any]) -> None:
    preview(tensor, None, kinds_of(tensor)[0], key="bench")
    summary(tensor)
