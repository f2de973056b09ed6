"""Figures, histograms and statistics, where not everything is finite either."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_jupyter.previews.figures import figures_of, histogram, statistics, unit
from carton_jupyter.previews.kinds import FULL
from carton_jupyter.previews.sampling import sample

LARGEST = np.finfo(np.float64).max


def rows(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> dict[str, str]:
    return dict(statistics(array)["rows"])


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    figures = figures_of(sample(np.array([1, np.nan, np.inf, -np.inf, 3])))
    assert (figures.low, figures.high, figures.mean) == (1, 3, 2)
    assert figures.odd == {"NaN": 1, "inf": 1, "-inf": 1}


def test_integers_keep_all_their_digits() -> None:
    figures = figures_of(sample(np.array([-(2**63), 2**63 - 1])))
    assert (figures.low, figures.high) == (-(2**63), 2**63 - 1)


def test_the_mean_of_the_largest_numbers_is_no_infinity() -> None:
    figures = figures_of(sample(np.array([LARGEST, LARGEST])))
    assert figures.mean == pytest.approx(LARGEST)
    assert figures.deviation == 0


def test_the_deviation_of_the_smallest_numbers_is_not_zero() -> None:
    figures = figures_of(sample(np.array([1e-200, 3e-200])))
    assert figures.deviation == pytest.approx(1e-200)


def test_a_histogram_counts_every_finite_value() -> None:
    view = histogram(np.array([0.0, 0.1, 1.0, np.nan]), FULL)
    assert (sum(view["counts"]), view["counts"][0], view["counts"][-1]) == (3, 1, 1)
    assert (view["low"], view["high"], view["more"]) == ("0", "1", "1 NaN")


def test_a_histogram_goes_from_end_to_end_of_the_floats() -> None:
    view = histogram(np.array([-LARGEST, 0, LARGEST]), FULL)
    assert [view["counts"][place] for place in (0, 20, 39)] == [1, 1, 1]


def test_a_histogram_of_nothing_finite_is_empty() -> None:
    assert histogram(np.array([np.nan]), FULL) == {
        "kind": "histogram",
        "counts": [],
        "low": "",
        "high": "",
        "more": "1 NaN",
    }


def test_statistics_say_what_a_tensor_is() -> None:
    assert rows(np.array([[0.0, 1.0], [3.0, np.nan]])) == {
        "dtype": "float64",
        "shape": "[2, 2]",
        "values": "4",
        "minimum": "0",
        "maximum": "3",
        "mean": "1.33333",
        "median": "1",
        "standard deviation": "1.24722",
        "zeros": "33 %",
        "NaN": "1",
    }


def test_statistics_of_texts_are_about_their_lengths() -> None:
    array = np.array(["a", "bcd", "a"])
    assert statistics(array)["rows"][3:] == [
        ["shortest", "1 character"],
        ["longest", "3 characters"],
        ["different", "2"],
    ]


def test_statistics_of_very_many_values_say_that_they_are_a_sample_s() -> None:
    array = np.broadcast_to(np.float32(1), (10_000, 10_000))
    assert statistics(array)["more"] == "of a sample of 1 in 401"


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_range_of_any_width_becomes_0_to_1(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    ends = unit(np.array([low, high]), low, high).tolist()
    assert ends[0] == 0
    assert ends[1] in (0, 1)
    assert ends[1] == 1 or high - low < 1e-300
