"""Scores of classes as bars, the best first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from carton_jupyter.previews.figures import unit
from carton_jupyter.previews.kinds import Array, Bar, Room, ScoresPreview
from carton_jupyter.previews.sampling import squeezed
from carton_jupyter.previews.wording import count_text, cut, first_text, joined, number_text, percent_text

_MOST = 100_000
"""Classes up to which scores are scores."""


def row_of(array: Array) -> Array | None:
    """The scores of the first of a batch, [classes]; `None` where the shape is not that of scores."""
    rows = squeezed(array, 2)
    if rows.ndim not in (1, 2) or not 2 <= rows.shape[-1] <= _MOST:
        return None
    row: Array = rows[0] if rows.ndim == 2 else rows
    return row


def are_probabilities(array: Array) -> bool:
    """Whether numbers of at least two classes are none below 0 and add up to 1."""
    row = row_of(array)
    if row is None or row.dtype.kind != "f":
        return False
    numbers = row.astype(np.float64)
    return bool(np.isfinite(numbers).all() and (numbers >= 0).all() and abs(numbers.sum() - 1) < 5e-3)


def scores(array: Array, room: Room, names: Sequence[str] | None = None, *, logits: bool = False) -> ScoresPreview:
    """The best classes of the first of a batch.

    Args:
        array: [..., classes].
        room: how many.
        names: of the classes.
        logits: the softmax is shown beside the scores.
    """
    row = np.asarray(row_of(array))
    numbers = row.astype(np.float64)
    known = np.flatnonzero(~np.isnan(numbers))
    best = known[np.argsort(-numbers[known], kind="stable")[: room.bars]]
    fractions = _softmax(numbers) if logits else _fractions(numbers)
    bars = [_bar(place, row[place], fractions[place], names, logits=logits) for place in best.tolist()]
    unknown = numbers.size - known.size
    more = (
        _batch_text(array.size // array.shape[-1]),
        first_text(len(bars), numbers.size, "score").replace("first", "best"),
        f"{unknown:,} NaN" if unknown else "",
        "percentages are their softmax" if logits else "",
    )
    return {"kind": "scores", "bars": bars, "more": joined(*more)}


def _bar(place: int, score: np.generic, fraction: float, names: Sequence[str] | None, *, logits: bool) -> Bar:
    label = cut(names[place], 80) if names is not None and place < len(names) else str(place)
    text = number_text(score.item(), 3)
    return {
        "label": label,
        "value": f"{text} · {percent_text(fraction)}" if logits else text,
        "fraction": round(fraction, 4),
    }


def _fractions(numbers: Array) -> list[float]:
    """How long bars are: as the numbers say where these are within 0..1, or else within their range."""
    finite = numbers[np.isfinite(numbers)]
    low, high = min(0.0, finite.min(initial=0.0)), max(0.0, finite.max(initial=0.0))
    high = 1.0 if low == 0 and high <= 1 else high
    filled = np.nan_to_num(numbers, nan=low, posinf=high, neginf=low)
    fractions: list[float] = unit(filled, low, high).tolist()
    return fractions


def _softmax(numbers: Array) -> list[float]:
    finite = numbers[np.isfinite(numbers)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    with np.errstate(over="ignore"):  # far below is far below
        powers = np.exp((np.nan_to_num(numbers, nan=low, posinf=high, neginf=low) - high).clip(-700, 0))
    shares: list[float] = (powers / powers.sum()).tolist()
    return shares


def _batch_text(count: int) -> str:
    return f"the first of {count_text(count, 'row')}" if count > 1 else ""
