"""Rows of the table, and the table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

_UNITS = {"us": 1e6, "ms": 1e3, "s": 1.0, "/s": 1.0}


@dataclass(frozen=True)
class Row:
    """One line.

    Attributes:
        name: what was measured.
        measured: seconds, or so many per second when `unit` is ``/s``; `None` when it could not be measured.
        baseline: the same for what it is compared with; `None` where there is nothing to compare with.
        unit: what to print: ``us``, ``ms``, ``s`` or ``/s``.
        bar: the ratio to keep to: at most so much time, or at least so many times the rate.
        limit: the value to keep to, in the unit of `measured`, where the bar is no ratio.
        note: what the reader should know.
    """

    name: str
    measured: float | None
    baseline: float | None = None
    unit: str = "us"
    bar: float | None = None
    limit: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """`measured` in units of `baseline`."""
        return self.measured / self.baseline if self.measured is not None and self.baseline else None

    @property
    def verdict(self) -> str:
        """Whether the row keeps to its bar."""
        if self.limit is not None and self.measured is not None:
            return "ok" if self.measured <= self.limit else "MISSED"
        if self.bar is None or self.ratio is None:
            return ""
        kept = self.ratio >= self.bar if self.unit == "/s" else self.ratio <= self.bar
        return "ok" if kept else "MISSED"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What `as_dict` gave."""
        return cls(**{item.name: values[item.name] for item in fields(cls)})

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return {**asdict(self), "ratio": self.ratio, "verdict": self.verdict}

    def cells(self) -> list[str]:
        """The row's cells, for people."""
        bar = "" if self.bar is None else f"{'≥' if self.unit == '/s' else '≤'} {self.bar:g}"
        bar = bar if self.limit is None else f"≤ {_amount(self.limit, self.unit)}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        values = [_amount(self.measured, self.unit), _amount(self.baseline, self.unit)]
        return [self.name, *values, ratio, bar, self.verdict, self.note]


HEADINGS = ("what", "measured", "baseline", "ratio", "bar", "verdict", "note")


def markdown(rows: Iterable[Row]) -> str:
    """The table."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    scaled = value * _UNITS[unit]
    text = f"{scaled:,.0f}" if scaled >= 100 else f"{scaled:.3g}"
    return f"{text} {unit.replace('us', 'µs')}"
