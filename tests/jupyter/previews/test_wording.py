"""Numbers and counts as people read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carton_jupyter.previews.wording import count_text, cut, first_text, number_text, percent_text, shape_text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.float32(0.1), "0.1"),
        (0.1, "0.1"),
        (np.float64(np.nan), "NaN"),
        (np.float16(-np.inf), "-inf"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (np.bool_(True), "True"),
        (1 + 2j, "(1+2j)"),
    ],
    ids=str,
)
def test_a_number_is_as_short_as_it_is_exact(value: Any, said: str) -> None:
    assert number_text(value) == said


def test_counts_agree_with_their_noun() -> None:
    assert [count_text(count, "row") for count in (0, 1, 1000)] == ["0 rows", "1 row", "1,000 rows"]
    assert (first_text(2, 5, "row"), first_text(5, 5, "row")) == ("the first 2 of 5 rows", "")
    assert [percent_text(share) for share in (0, 0.001, 0.25, 1)] == ["0 %", "< 1 %", "25 %", "100 %"]


def test_shapes_have_asterisks() -> None:
    assert shape_text((1, None, "batch")) == "[1, *, batch]"


def test_a_cut_text_says_how_long_it_was() -> None:
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "abc … (4 characters in all)")
