"""Tensors on the wire: all of them arrive, and descriptors that lie are refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from child.tools import assert_same, codec, decoded, frame_bytes, round_trip
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.messages import Kind
from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.values import DTYPES, as_tensor

NUMERIC = [name for name in DTYPES if name != "string"]
SHAPES = [(), (0,), (1,), (5,), (2, 3), (0, 3), (2, 0, 3), (1, 1, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", NUMERIC)
def test_numbers_of_every_dtype_and_shape_arrive(dtype: str, shape: tuple) -> None:
    tensor = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    assert_same(round_trip(x=tensor)["x"], tensor)


@pytest.mark.parametrize("dtype", NUMERIC)
def test_the_extremes_of_every_dtype_arrive(dtype: str) -> None:
    info = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
    extremes = [info.min, 0, info.max] + ([np.nan, np.inf, -np.inf, -0.0] if dtype.startswith("float") else [])
    tensor = np.array(extremes, dtype)
    assert round_trip(x=tensor)["x"].tobytes() == tensor.tobytes()


@pytest.mark.parametrize(
    "strings",
    [
        "",
        "text",
        "😀 beyond the plane, é combined, \u0301 combining",
        [],
        [""],
        ["", ""],
        ["a", "", "longer than the others"],
        [["a", "b"], ["c", "😀"]],
        [[["x"]], [["\ud7ff\ue000\U0010ffff"]]],
        np.zeros((0, 3), "<U5"),
        np.zeros((2, 0), "<U1"),
        np.array("", "<U9"),
        "new\nline and \x01 control",
        "\x00 inside",
    ],
    ids=repr,
)
def test_strings_of_every_rank_arrive(strings: Any) -> None:
    tensor = as_tensor(strings)
    assert_same(round_trip(x=tensor)["x"], tensor)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\x00"), max_size=12), max_size=8))
def test_any_text_arrives(strings: list[str]) -> None:
    tensor = np.array(strings, str)
    assert round_trip(x=tensor)["x"].tolist() == strings


@settings(max_examples=150, deadline=None)
@given(npst.arrays(st.sampled_from(NUMERIC), npst.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)))
def test_any_numbers_arrive(tensor: np.ndarray) -> None:
    assert round_trip(x=tensor)["x"].tobytes() == tensor.tobytes()


@pytest.mark.parametrize(
    "array", [np.arange(12.0).reshape(3, 4).T, np.arange(12)[::-2], np.arange(3).astype(">i4")], ids=["T", "-2", ">"]
)
def test_what_lies_elsewise_in_memory_arrives_with_its_values(array: np.ndarray) -> None:
    assert np.array_equal(round_trip(x=as_tensor(array))["x"], array)


@pytest.mark.parametrize(
    "arrays",
    [
        [[1], [2, 3], [4, 5, 6]],
        [[1.5]],
        [1, 2],
        [np.zeros((0, 2), np.int8), np.ones((3, 2), np.int8)],
        [np.zeros(0), np.zeros(0)],
        [["a", "bcd"], ["😀"], [""]],
        [[""], ["", ""]],
    ],
    ids=repr,
)
def test_nested_tensors_arrive(arrays: list) -> None:
    tensor = NestedTensor(arrays)
    assert_same(round_trip(x=tensor)["x"], tensor)


def test_many_tensors_arrive_in_order_under_any_name() -> None:
    sent = {"": np.array(1.5), "ü 😀": np.array(["x"]), "c": NestedTensor([[1], [2, 3]]), "d": np.zeros(0)}
    found = round_trip(**sent)
    assert list(found) == list(sent)
    for name, tensor in sent.items():
        assert_same(found[name], tensor)


def test_what_arrives_can_be_written_to_and_is_nobody_elses() -> None:
    sent = np.arange(5)
    found = round_trip(x=sent)["x"]
    found += 1
    assert sent.tolist() == [0, 1, 2, 3, 4]


# Descriptors that lie

GOOD = ["x", "int32", [2], 0, 0, 0]


def offered(*descriptors: Any, body: bytes = bytes(8)) -> dict[str, Any]:
    header = json.dumps({"fields": {}, "tensors": list(descriptors)}).encode()
    (frame,) = decoded(frame_bytes(Kind.RESULT, header=header, buffers=[body]))
    return codec().decode(frame).tensors


def changed(index: int, value: Any) -> list[Any]:
    return [*GOOD[:index], value, *GOOD[index + 1 :]]


def test_a_descriptor_that_tells_the_truth_is_believed() -> None:
    assert offered(GOOD)["x"].tolist() == [0, 0]


@pytest.mark.parametrize("descriptor", [None, 1, "x", {}, [], GOOD[:5], [*GOOD, 0]], ids=repr)
def test_what_is_no_descriptor_is_refused(descriptor: Any) -> None:
    with pytest.raises(WireError, match="describes no tensor"):
        offered(descriptor)


@pytest.mark.parametrize("name", [None, 1, ["x"]], ids=repr)
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    with pytest.raises(WireError, match="describes no tensor"):
        offered(changed(0, name))


@pytest.mark.parametrize(
    "dtype",
    [None, 1, "", "string", "object", "O", "bool", "float16", "complex64", ">i4", "S4", "V8", "U", "U-1", "U1.5",
     "U٣", "U1,U1", "U99999999", "U" + "9" * 50, "int32,int32", ["int32"]],
    ids=repr,
)  # fmt: skip
def test_a_dtype_that_is_none_of_ours_is_refused(dtype: Any) -> None:
    with pytest.raises(WireError, match="is no dtype of the wire"):
        offered(changed(1, dtype))


@pytest.mark.parametrize("shape", [None, 2, "2", [-1], [2.0], [True], ["2"], [None], [[2]], [1] * 33], ids=repr)
def test_a_shape_that_is_none_is_refused(shape: Any) -> None:
    with pytest.raises(WireError, match="is no shape"):
        offered(changed(2, shape))


@pytest.mark.parametrize("shape", [[1], [3], [2**40], [2**62, 2**62], [0], [2**70]], ids=repr)
def test_a_shape_that_does_not_fit_the_body_is_refused(shape: list[int]) -> None:
    with pytest.raises(WireError, match=r"take .* of its 8 bytes"):
        offered(changed(2, shape))


@pytest.mark.parametrize("shape", [[0, 2**62, 2**62], [0, 2**70], [2**63, 0]], ids=repr)
def test_an_empty_tensor_of_an_absurd_shape_is_refused(shape: list[int]) -> None:
    with pytest.raises(WireError):
        offered(changed(2, shape), body=b"")


@pytest.mark.parametrize("position", [3, 4, 5])
@pytest.mark.parametrize("value", [None, -1, 1.5, "0", True, []], ids=repr)
def test_a_place_that_is_none_is_refused(position: int, value: Any) -> None:
    with pytest.raises(WireError):
        offered(changed(position, value))


def test_a_body_that_nothing_describes_is_refused() -> None:
    with pytest.raises(WireError, match="take 0 of its 8 bytes"):
        offered()


def test_a_region_that_was_never_handed_over_is_refused() -> None:
    with pytest.raises(WireError, match="region"):
        offered(changed(4, 7), body=b"")


@pytest.mark.parametrize(
    ("shape", "message"), [([], "no inner tensors"), (2, "list"), ([2], "is no shape"), ([[1], [-1]], "is no shape")]
)
def test_a_nested_tensor_of_no_shapes_is_refused(shape: Any, message: str) -> None:
    with pytest.raises(WireError, match=message):
        offered(["x", "int32", shape, 1, 0, 0])


def test_a_nested_tensor_of_two_ranks_is_refused() -> None:
    with pytest.raises(WireError, match="of several ranks"):
        offered(["x", "int32", [[1], [1, 1]], 1, 0, 0])


@pytest.mark.parametrize("tensor", [np.zeros((1,) * 32), NestedTensor([np.zeros((1,) * 32)]), np.zeros(0, "U9999999")])
def test_what_is_as_much_as_the_wire_carries_arrives(tensor: Any) -> None:
    assert_same(round_trip(x=tensor)["x"], tensor)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="numpy 1 makes no such arrays")
@pytest.mark.parametrize("axes", [33, 64])
def test_an_array_of_more_axes_is_not_sent(axes: int) -> None:
    for tensor in (np.zeros((1,) * axes), NestedTensor([np.zeros((1,) * axes)])):
        with pytest.raises(WireError, match=f"tensor 'x' has {axes} axes; the wire carries 32 at most"):
            round_trip(x=tensor)


def test_longer_strings_are_not_sent() -> None:
    with pytest.raises(WireError, match=r"tensor 'x' has strings of 10\*\*7 characters or more"):
        round_trip(x=np.zeros(0, "U10000000"))


def test_two_tensors_of_one_name_are_refused() -> None:
    with pytest.raises(WireError, match="have one name"):
        offered(["x", "int8", [1], 0, 0, 0], ["x", "int8", [1], 0, 0, 0], body=bytes(65))


@pytest.mark.parametrize("code_point", [0x110000, 0xFFFFFFFF])
def test_strings_of_what_is_no_character_are_refused(code_point: int) -> None:
    with pytest.raises(WireError, match="holds what is no character"):
        offered(["x", "U1", [1], 0, 0, 0], body=code_point.to_bytes(4, "little"))
