"""Numbers, sizes and texts as people read them; whatever JSON or a browser cannot take is made harmless."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def number_text(value: Any, digits: int | None = None) -> str:
    """A number: integers in full, others as short as they are exact, or with so many digits."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if not isinstance(value, (float, np.floating)):
        return clean(str(value))
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return f"{float(value):.{digits}g}" if digits else str(value)


def percent_text(share: float) -> str:
    """``14 %``; a share that is small and not nothing is ``< 1 %``."""
    return "< 1 %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


def count_text(count: int, name: str) -> str:
    """``1 row``, ``1,000 rows``."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def first_text(shown: int, count: int, name: str) -> str:
    """``the first 20 of 1,000 rows``; empty when all are shown."""
    return f"the first {shown:,} of {count_text(count, name)}" if shown < count else ""


def joined(*parts: str) -> str:
    """What there is to say, on one line."""
    return " · ".join(part for part in parts if part)


def shape_text(shape: Sequence[int | str | None]) -> str:
    """``[3, *]``: an asterisk stands for a size that may be any."""
    return "[" + ", ".join("*" if size is None else str(size) for size in shape) + "]"


def cut(text: str, most: int) -> str:
    """The beginning of a text, harmless; says how long the text is when it leaves something out."""
    if len(text) <= most:
        return clean(text)
    return f"{clean(text[:most])} … ({len(text):,} characters in all)"


def clean(text: str) -> str:
    """A text that UTF-8 can hold: halves of surrogate pairs become the sign for what is unreadable."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
