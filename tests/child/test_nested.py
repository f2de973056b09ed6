"""`NestedTensor`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from carton_runtime import NestedTensor

RAGGED = NestedTensor([np.zeros((2, 3), np.float32), np.ones((5, 3), np.float32)])


def test_it_has_one_axis_more_than_its_arrays() -> None:
    assert (len(RAGGED), RAGGED.ndim, RAGGED.dtype) == (2, 3, np.dtype(np.float32))


def test_an_axis_along_which_the_arrays_differ_has_no_size() -> None:
    assert RAGGED.shape == (2, None, 3)


def test_one_array_has_all_its_sizes() -> None:
    assert NestedTensor([np.zeros((2, 3))]).shape == (1, 2, 3)


def test_scalars_nest() -> None:
    nested = NestedTensor([1, 2])
    assert (nested.shape, nested.tolist()) == ((2,), [1, 2])


def test_it_counts_its_bytes() -> None:
    assert RAGGED.nbytes == (2 * 3 + 5 * 3) * 4


def test_it_is_read_like_a_list() -> None:
    assert np.array_equal(RAGGED[1], np.ones((5, 3)))
    assert [array.shape for array in RAGGED] == [(2, 3), (5, 3)]
    assert RAGGED.arrays == tuple(RAGGED)


def test_its_arrays_are_those_that_were_given() -> None:
    array = np.zeros(3)
    assert NestedTensor([array])[0] is array


def test_lists_become_arrays() -> None:
    assert NestedTensor([[1, 2], [3]]).tolist() == [[1, 2], [3]]


def test_strings_of_several_lengths_become_one_dtype() -> None:
    nested = NestedTensor([np.array(["a"]), np.array(["", "bcd"])])
    assert {array.dtype.str[1:] for array in nested} == {"U3"}
    assert nested.tolist() == [["a"], ["", "bcd"]]


def test_it_shows_its_first_arrays_and_its_dtype() -> None:
    assert repr(NestedTensor([[1], [2, 3]])) == "NestedTensor([[1], [2, 3]], dtype=int64)"
    assert repr(NestedTensor([[number] for number in range(6)])).count("…") == 1


def test_a_slice_is_a_nested_tensor() -> None:
    nested = NestedTensor([[1], [2, 3], [4]])
    assert isinstance(nested[1:], NestedTensor)
    assert nested[::2].tolist() == [[1], [4]]
    assert nested[-1].tolist() == [4]


def test_it_equals_what_has_its_dtype_its_shapes_and_its_values() -> None:
    assert (NestedTensor([[1], [2, 3]]) == NestedTensor([[1], [2, 3]])) is True
    assert NestedTensor([["a"]]) == NestedTensor([["a"], ["long"]])[:1]


@pytest.mark.parametrize(
    "other",
    [
        NestedTensor([[1], [2, 4]]),
        NestedTensor([[1], [2]]),
        NestedTensor([[1]]),
        NestedTensor([[1], [2, 3], [4]]),
        NestedTensor([[1.0], [2.0, 3.0]]),
        NestedTensor([["1"], ["2", "3"]]),
        [[1], [2, 3]],
        None,
    ],
)
def test_it_equals_nothing_else(other: object) -> None:
    assert (NestedTensor([[1], [2, 3]]) == other) is False
    assert NestedTensor([[1], [2, 3]]) != other


def test_it_cannot_be_hashed_because_its_arrays_can_change() -> None:
    with pytest.raises(TypeError, match="unhashable type: 'NestedTensor'"):
        hash(RAGGED)


@pytest.mark.parametrize("make", [np.asarray, np.array, lambda nested: np.asarray(nested, dtype=object)])
def test_numpy_makes_no_array_of_it(make: Callable[[NestedTensor], np.ndarray]) -> None:
    with pytest.raises(TypeError, match=r"a NestedTensor is ragged.*take its inner tensors"):
        make(RAGGED)


def imports_masked_arrays(code: str) -> bool:
    """Whether the code does, in a process of its own."""
    head = "import sys, numpy as np; from carton_runtime._child.carton_wire.values import NestedTensor, as_tensor\n"
    command = [sys.executable, "-c", f"{head}{code}\nprint('numpy.ma' in sys.modules)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"


@pytest.mark.skipif(imports_masked_arrays(""), reason="this numpy imports them itself")
def test_nothing_imports_masked_arrays_to_find_none() -> None:
    assert not imports_masked_arrays("as_tensor([1.0]), as_tensor(1), as_tensor('a'), NestedTensor([[1]])")
    assert imports_masked_arrays("as_tensor(np.ma.array([1]))")


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ([], ValueError, "needs at least one inner tensor"),
        ([[1], [[2]]], ValueError, r"must have one rank, not \[1, 2\]"),
        ([[1], [2.5]], TypeError, "must have one dtype"),
        ([[1], ["a"]], TypeError, "must have one dtype"),
        ([RAGGED], TypeError, "nested tensors do not nest"),
        ([[1.0], np.ma.masked_invalid([np.nan])], TypeError, "a masked array is not a tensor"),
    ],
)
def test_what_does_not_nest_is_refused(arrays: list, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        NestedTensor(arrays)
