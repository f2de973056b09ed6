"""Numbers in a row as lines, with few points that keep the peaks."""

from __future__ import annotations

import numpy as np

from carton_jupyter.previews.kinds import Array, LinePreview, Room, Series
from carton_jupyter.previews.sampling import long_rows, sample
from carton_jupyter.previews.wording import joined

MOST_SERIES = 8
_FEWEST_SAMPLES = 100_000


def series_of(array: Array) -> Array | None:
    """Lines as a view of [lines, points]; `None` where the shape is not that of few lines of at least two points."""
    lines = long_rows(array, MOST_SERIES)
    return lines if lines is not None and lines.shape[1] > 1 else None


def line(array: Array, room: Room) -> LinePreview:
    """The lines of an array that `series_of` takes; what is not finite is left out."""
    lines = np.asarray(series_of(array))
    series = [_line(str(number), row, room.points) for number, row in enumerate(lines)]
    heights = [height for entry in series for height in entry[0]["points"][1::2]]
    step = max(step for _, step, _ in series)
    left_out = sum(odd for _, _, odd in series)
    more = joined(
        f"of a sample of 1 in {step:,}" if step > 1 else "",
        f"without {left_out:,} that are not finite" if left_out else "",
    )
    return {
        "kind": "line",
        "series": [entry for entry, _, _ in series],
        "x": [0, lines.shape[1] - 1],
        "y": [min(heights, default=0), max(heights, default=0)],
        "more": more,
    }


def _line(name: str, row: Array, most: int) -> tuple[Series, int, int]:
    chosen = sample(row, _FEWEST_SAMPLES)
    numbers = chosen.values.astype(np.float64)
    places = np.flatnonzero(np.isfinite(numbers))
    kept = places[_peaks(numbers[places], most)]
    points = np.stack([kept * chosen.step, numbers[kept]], axis=1)
    return {"name": name, "points": points.reshape(-1).tolist()}, chosen.step, numbers.size - places.size


def _peaks(numbers: Array, most: int) -> Array:
    """Where the least and the greatest value of each stretch is; everywhere if that is not more."""
    if numbers.size <= most:
        return np.arange(numbers.size)
    width = -(-numbers.size // (most // 2 - 1))  # the first and the last are kept as well
    padded = np.pad(numbers, (0, -numbers.size % width), mode="edge").reshape(-1, width)
    starts = np.arange(len(padded)) * width
    ends = np.concatenate([starts + padded.argmin(axis=1), starts + padded.argmax(axis=1)])
    return np.unique([0, *np.minimum(ends, numbers.size - 1), numbers.size - 1])
