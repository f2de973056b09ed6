"""Samples look at few values, everywhere in the array."""

from __future__ import annotations

import numpy as np
import pytest

import carton_runtime as carton
from carton_jupyter.previews.sampling import first, planes, sample, size_of, squeezed


def test_a_small_array_is_its_own_sample() -> None:
    chosen = sample(np.arange(10).reshape(2, 5), 10)
    assert (chosen.values.tolist(), chosen.step, chosen.said) == (list(range(10)), 1, "")


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_sample_is_evenly_spread_whatever_the_strides(order: str) -> None:
    array = np.array(np.arange(1000).reshape(10, 100), order=order)  # type: ignore[call-overload]
    chosen = sample(array, 100)
    assert chosen.values.tolist() == list(range(0, 1000, chosen.step))
    assert chosen.said == "of a sample of 1 in 11"


def test_a_sample_sees_every_column() -> None:
    array = np.broadcast_to(np.arange(100), (1000, 100))
    assert set(sample(array, 1000).values.tolist()) == set(range(100))


def test_a_picture_of_a_camera_is_looked_at_whole_and_more_is_not() -> None:
    assert sample(np.broadcast_to(np.uint8(1), (1000, 2000))).step == 1
    assert sample(np.broadcast_to(np.uint8(1), (1000, 2001))).step > 1


def test_a_sample_of_long_texts_is_of_few() -> None:
    array = np.broadcast_to(np.array("x" * 1_000_000), (1_000, 1_000))
    assert sample(array).values.size <= 5


def test_a_sample_copies_nothing_where_it_need_not() -> None:
    array = np.zeros(1_000_000)
    assert np.shares_memory(sample(array, 100).values, array)


def test_parts_are_sampled_alike() -> None:
    value = carton.NestedTensor([np.full(1000, number) for number in range(100)])
    chosen = sample(value, 1_000)
    assert chosen.values.tolist() == [number for number in range(100) for _ in range(10)]
    assert chosen.said == "of a sample of 1 in 100"


def test_of_very_many_parts_some_are_looked_at() -> None:
    value = carton.NestedTensor([np.zeros(1)] * 100_000)
    chosen = sample(value)
    assert (chosen.values.size, chosen.step, size_of(value)) == (2_000, 50, 100_000)


def test_planes_are_the_first_ones() -> None:
    array = np.arange(24).reshape(2, 3, 2, 2)
    assert [plane.tolist() for plane in planes(array, 2)] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    assert len(planes(array, 99)) == 6
    assert planes(array[0, 0], 9)[0].shape == (2, 2)


def test_first_values_are_python_s() -> None:
    assert list(first(np.array([[1, 2], [3, 4]]), 3)) == [1, 2, 3]
    assert list(first(np.array("a"), 3)) == ["a"]


def test_leading_axes_of_one_do_not_count() -> None:
    assert squeezed(np.zeros((1, 1, 2, 1)), 2).shape == (2, 1)
    assert squeezed(np.zeros((2, 1, 1)), 2).shape == (2, 1, 1)
