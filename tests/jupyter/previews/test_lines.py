"""Lines keep their ends and their peaks."""

from __future__ import annotations

from typing import Any

import numpy as np

from carton_jupyter.previews.kinds import FULL
from carton_jupyter.previews.lines import line


def points(array: Any, number: int = 0) -> np.ndarray[Any, Any]:
    return np.array(line(np.asarray(array), FULL)["series"][number]["points"]).reshape(-1, 2)


def test_few_points_are_all_there() -> None:
    assert points([3, 1, 2]).tolist() == [[0, 3], [1, 1], [2, 2]]


def test_many_points_keep_ends_and_peaks() -> None:
    array = np.zeros(50_000)
    array[12_345], array[23_456] = 9, -9
    kept = points(array).tolist()
    assert len(kept) <= 400
    assert [12_345, 9] in kept
    assert [23_456, -9] in kept
    assert (kept[0][0], kept[-1][0]) == (0, 49_999)
    assert kept == sorted(kept)


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    view = line(np.array([1, np.nan, 3, np.inf]), FULL)
    assert view["series"][0]["points"] == [0, 1, 2, 3]
    assert (view["x"], view["y"], view["more"]) == ([0, 3], [1, 3], "without 2 that are not finite")


def test_a_line_of_nothing_finite_has_no_points() -> None:
    view = line(np.full(5, np.nan), FULL)
    assert (view["series"][0]["points"], view["y"]) == ([], [0, 0])


def test_the_longer_axis_is_the_line() -> None:
    array = np.arange(40).reshape(2, 20)
    assert np.array_equal(points(array, 1)[:, 1], array[1])
    assert np.array_equal(points(array.T, 1)[:, 1], array[1])


def test_very_long_lines_are_sampled_and_say_so() -> None:
    view = line(np.broadcast_to(np.float32(1), (1_000_000,)), FULL)
    assert view["more"] == "of a sample of 1 in 10"
    assert view["x"] == [0, 999_999]
