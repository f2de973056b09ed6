"""What becomes a tensor, and what is refused."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest

from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.values import DTYPES, as_tensor, dtype_name

NUMERIC = [name for name in DTYPES if name != "string"]


@pytest.mark.parametrize("name", NUMERIC)
def test_an_array_that_is_a_tensor_already_is_not_copied(name: str) -> None:
    array = np.zeros((2, 3), name)
    assert as_tensor(array) is array


@pytest.mark.parametrize("name", NUMERIC)
def test_any_byte_order_becomes_the_machines_own(name: str) -> None:
    swapped = np.arange(3).astype(np.dtype(name).newbyteorder(">"))
    tensor = as_tensor(swapped)
    assert tensor.dtype == np.dtype(name)
    assert tensor.dtype.isnative
    assert tensor.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "array",
    [np.arange(12).reshape(3, 4).T, np.arange(12)[::2], np.arange(12)[::-1], np.broadcast_to(np.int64(3), (2, 2))],
    ids=["transposed", "every other", "backwards", "broadcast"],
)
def test_any_strides_become_contiguous(array: np.ndarray) -> None:
    tensor = as_tensor(array)
    assert tensor.flags.c_contiguous
    assert np.array_equal(tensor, array)


def test_strings_of_another_byte_order_become_the_machines_own() -> None:
    tensor = as_tensor(np.array(["añ", "😀"], ">U2"))
    assert tensor.dtype.isnative
    assert tensor.tolist() == ["añ", "😀"]


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (3, "int64", ()),
        (2.5, "float64", ()),
        ("text", "string", ()),
        ([1, 2], "int64", (2,)),
        ([1, 2.5], "float64", (2,)),
        ([[1.0], [2.0]], "float64", (2, 1)),
        ((1, 2, 3), "int64", (3,)),
        (["a", "bc"], "string", (2,)),
        ([], "float64", (0,)),
        (np.float32(1), "float32", ()),
        (np.array("text"), "string", ()),
        (np.array(["a", "bcd"], object), "string", (2,)),
        (np.array([], object), "string", (0,)),
        (np.array([[]], object), "string", (1, 0)),
        (range(3), "int64", (3,)),
    ],
)
def test_python_values_become_tensors(value: object, dtype: str, shape: tuple) -> None:
    tensor = as_tensor(value)
    assert (dtype_name(tensor.dtype), tensor.shape) == (dtype, shape)


def test_an_object_array_of_strings_keeps_them_all() -> None:
    strings = [["", "a"], ["😀😀", "three"]]
    assert as_tensor(np.array(strings, object)).tolist() == strings


def test_a_subclass_of_an_array_that_loses_nothing_becomes_a_plain_one() -> None:
    assert type(as_tensor(np.ma.masked_array([1, 2]))) is np.ndarray


def test_what_gives_an_array_is_taken() -> None:
    class Tensor:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            return np.ones(2, np.float32)

    assert as_tensor(Tensor()).dtype == np.float32


def test_a_nested_tensor_becomes_one_of_tensors() -> None:
    nested = as_tensor(NestedTensor([np.arange(4)[::2], np.arange(3)]))
    assert isinstance(nested, NestedTensor)
    assert all(array.flags.c_contiguous for array in nested)
    assert nested.tolist() == [[0, 2], [0, 1, 2]]


def no_characters(dtype: str, count: int = 2) -> np.ndarray:
    """What numpy takes for strings and is none."""
    code_points = [*b"a" * (count - 1), 0x110000]
    return np.array(code_points, np.dtype("u4").newbyteorder(dtype[0])).view(dtype)


@pytest.mark.parametrize("count", [1, 2, 10_000])
def test_strings_of_any_characters_are_tensors(count: int) -> None:
    strings = np.array(["\ud800", "\U0010ffff"] * count)
    assert np.array_equal(as_tensor(strings), strings)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "NoneType is not a tensor; give an array, a number, a string, or a list of them"),
        (b"bytes", "bytes is not a tensor"),
        (bytearray(b"x"), "bytearray is not a tensor"),
        ({"a": 1}, "dict is not a tensor"),
        ({1, 2}, "set is not a tensor"),
        ([[1], [1, 2]], "the list does not have one shape; use NestedTensor for ragged data"),
        (True, "dtype bool is not supported; convert it to one of float32, float64, string, int8"),
        (np.zeros(2, np.float16), "dtype float16 is not supported"),
        (np.zeros(2, np.complex64), "dtype complex64 is not supported"),
        (np.zeros(2, "M8[s]"), r"dtype datetime64\[s\] is not supported"),
        (np.array([b"a"]), r"dtype \|S1 is not supported"),
        (np.zeros(2, [("a", int)]), "is not supported"),
        (np.array([1, "a"], object), "an object array may hold only str, not int"),
        ([1, "a"], "an object array may hold only str, not int"),
        (np.array(["a", None], object), "an object array may hold only str, not NoneType"),
        (object(), "an object array may hold only str, not object"),
        (2**70, "not int; give numbers of more than 64 bits as floats or as strings"),
        ([1, -(2**63) - 1], "give numbers of more than 64 bits"),
        (10**400, "give numbers of more than 64 bits"),
        (datetime(2020, 1, 1), "not datetime; give a time as a number, such as seconds in float64, or as a string"),
        ([date(2020, 1, 1)], "not date; give a time as a number"),
        (timedelta(1), "not timedelta; give a time as a number"),
        (np.datetime64("2020-01-01"), r"dtype datetime64\[D\] is not supported; give a time as a number"),
        ((n for n in range(3)), r"generator is not a tensor; make a list of it first: list\(\.\.\.\)"),
        (map(str, [1]), "map is not a tensor; make a list of it first"),
        (np.ma.masked_array([1, 2], [False, True]), r"a masked array is not a tensor.*fill it first"),
        (NestedTensor([np.zeros(2, bool)]), "dtype bool is not supported"),
        (no_characters("<U1"), "the strings hold what is no character"),
        (no_characters(">U1"), "the strings hold what is no character"),
        (no_characters("<U1", 10_000), "the strings hold what is no character"),
        (NestedTensor([no_characters("<U1")]), "the strings hold what is no character"),
    ],
)
def test_what_is_no_tensor_is_refused_with_what_to_use(value: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        as_tensor(value)
