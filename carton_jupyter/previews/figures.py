"""Figures about many numbers, not finite ones counted apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from carton_jupyter.previews.kinds import Array, HistogramPreview, Room, StatisticsPreview, Value
from carton_jupyter.previews.sampling import Sample, sample, size_of
from carton_jupyter.previews.wording import count_text, joined, number_text, percent_text, shape_text

NUMBERS = "biuf"
"""Kinds of dtypes that one can calculate with."""


@dataclass(frozen=True)
class Figures:
    """What is known of the values of a sample.

    Attributes:
        finite: those that are finite, as float64.
        low: the least of them, exact; `None` where there is none.
        high: the greatest.
        odd: how many are NaN, inf and -inf.
        sample: what all this is about.
    """

    finite: Array
    low: int | float | None
    high: int | float | None
    odd: dict[str, int]
    sample: Sample

    @property
    def mean(self) -> float:
        """The mean of the finite values, of which there is at least one."""
        scale = _scale(self.finite)
        return float((self.finite / scale).mean()) * scale

    @property
    def deviation(self) -> float:
        """Their standard deviation."""
        scale = _scale(self.finite)
        return float((self.finite / scale).std()) * scale

    @property
    def odd_text(self) -> str:
        """``3 NaN · 1 inf``; empty where all are finite."""
        return joined(*(f"{count:,} {name}" for name, count in self.odd.items() if count))


def figures_of(values: Sample) -> Figures:
    """The figures of a sample of numbers."""
    array = values.values
    if array.dtype.kind != "f":
        low, high = (int(array.min()), int(array.max())) if array.size else (None, None)
        return Figures(array.astype(np.float64), low, high, {}, values)
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    odd = {"NaN": int(np.isnan(numbers).sum()), "inf": int((numbers == np.inf).sum())}
    odd["-inf"] = numbers.size - finite.size - sum(odd.values())
    low, high = (finite.min().item(), finite.max().item()) if finite.size else (None, None)
    return Figures(finite, low, high, odd, values)


def unit(numbers: Array, low: float, high: float) -> Array:
    """Floats of a range as new ones within 0..1; the range may be as wide as floats go, or empty. NaN stays."""
    span = high * 0.25 - low * 0.25  # a quarter: the difference of two finite numbers may be infinite
    if span <= 0:
        return np.zeros_like(numbers)
    scaled = numbers * 0.25
    scaled -= low * 0.25
    scaled /= span
    return np.clip(scaled, 0, 1, out=scaled)


def figures_text(figures: Figures) -> str:
    """``min 0 · max 255 · mean 141.2``, and what is not finite."""
    if figures.low is None or figures.high is None:
        return joined(figures.odd_text, figures.sample.said)
    known = (("min", figures.low), ("max", figures.high), ("mean", figures.mean))
    told = (f"{name} {number_text(value, 4)}" for name, value in known)
    return joined(*told, figures.odd_text, figures.sample.said)


def histogram(value: Value, room: Room) -> HistogramPreview:
    """How the numbers are spread."""
    figures = figures_of(sample(value))
    low, high = figures.low, figures.high
    if low is None or high is None:
        counts = []
    else:
        bins = min(room.points, 40)
        counts = np.histogram(unit(figures.finite, low, high), bins=bins, range=(0, 1))[0].tolist()
    ends = ("" if end is None else number_text(end, 4) for end in (low, high))
    more = joined(figures.odd_text, figures.sample.said)
    return {"kind": "histogram", "counts": counts, "low": next(ends), "high": next(ends), "more": more}


def statistics(value: Value) -> StatisticsPreview:
    """Figures of a tensor."""
    chosen = sample(value)
    dtype = "string" if value.dtype.kind == "U" else str(value.dtype)
    rows = [["dtype", dtype], ["shape", shape_text(value.shape)], ["values", f"{size_of(value):,}"]]
    if value.dtype.kind in NUMBERS:
        rows.extend(_figures_rows(figures_of(chosen)))
    elif value.dtype.kind == "U" and chosen.values.size:
        rows.extend(_text_rows(chosen.values))
    return {"kind": "statistics", "rows": rows, "more": chosen.said}


def texts_summary(value: Value) -> str:
    """``3 texts · up to 12 characters``."""
    chosen, count = sample(value, 10_000), size_of(value)
    longest = int(np.char.str_len(chosen.values).max(initial=0))
    if count == 1:
        return count_text(longest, "character")
    return joined(count_text(count, "text"), f"up to {count_text(longest, 'character')}", chosen.said)


def _figures_rows(figures: Figures) -> list[list[str]]:
    rows = [[name, f"{count:,}"] for name, count in figures.odd.items() if count]
    if figures.low is None or figures.high is None:
        return rows
    middle = float(np.median(figures.finite * 0.5)) * 2  # a half: the median may be the mean of two
    shares = [["zeros", percent_text(float(np.mean(figures.finite == 0)))]] if figures.finite.size > 1 else []
    known = (
        ("minimum", figures.low), ("maximum", figures.high), ("mean", figures.mean), ("median", middle),
        ("standard deviation", figures.deviation),
    )  # fmt: skip
    return [*([name, number_text(value, 6)] for name, value in known), *shares, *rows]


def _text_rows(texts: Array) -> list[list[str]]:
    lengths = np.char.str_len(texts)
    ends = {"shortest": lengths.min(), "longest": lengths.max()}
    rows = [[name, count_text(int(length), "character")] for name, length in ends.items()]
    return [*rows, ["different", f"{len(set(texts.tolist())):,}"]]


def _scale(finite: Array) -> float:
    """The power of two beyond which sums and squares of the numbers would leave the range of floats."""
    largest = float(np.abs(finite).max())
    return float(2.0 ** np.clip(np.floor(np.log2(largest)), -1000, 1000)) if largest else 1.0
