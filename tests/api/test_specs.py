"""Calls are compared with the model's specs, and the message names the tensor and the axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fix_models import FUNCTION, Loader

import carton_runtime as carton
from carton_runtime import InvalidTensorError, ModelError, NestedTensor, SpecWarning, TensorSpec
from carton_runtime.format.document import Shape

ECHO = "def run(tensors):\n    return {name[:-1]: tensor for name, tensor in tensors.items()}\n" + FUNCTION
"""Gives each input ``x_`` back as ``x``, so that a test chooses the outputs."""


class Specified:
    """Gives one model, with other specs each time."""

    def __init__(self, model: carton.Carton) -> None:
        self._model = model

    def __call__(
        self, inputs: Mapping[str, tuple[str, Shape]], outputs: Mapping[str, tuple[str, Shape]], *, strict: bool = False
    ) -> carton.Carton:
        self._model.info = replace(self._model.info, inputs=_specs(inputs), outputs=_specs(outputs))
        self._model.strict = strict
        return self._model


def _specs(given: Mapping[str, tuple[str, Shape]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, dtype, shape) for name, (dtype, shape) in given.items())


@pytest.fixture(scope="module")
def specified(module_loaded: Loader) -> Specified:
    return Specified(module_loaded.code(ECHO))


def array(*shape: int, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("shape", "given", "words"),
    [
        ([2, 3], array(2, 4), "input 'x_', axis 1: has size 4, its spec says 3"),
        ([2, 3], array(2), r"input 'x_' has 1 axes \(shape \[2\]\), its spec says 2"),
        ([], array(1), r"input 'x_' has 1 axes \(shape \[1\]\), its spec says 0"),
        (["n", "n"], array(2, 3), "input 'x_', axis 1: has size 3, but 'n' is 2 in input 'x_', axis 0"),
        ([None], array(), "has 0 axes"),
        ([None, 3], NestedTensor([array(2), array(1)]), "input 'x_', axis 1: is ragged, its spec says 3"),
        ([None, "n"], NestedTensor([array(2), array(1)]), "input 'x_', axis 1: is ragged, its spec says n"),
        (None, array(2, dtype="float64"), "input 'x_' has dtype float64, its spec says float32"),
        ([2], np.array(["a", "b"]), "has dtype string, its spec says float32"),
    ],
)
async def test_an_input_that_breaks_its_spec_is_refused(
    specified: Specified, shape: Shape, given: Any, words: str
) -> None:
    with pytest.raises(InvalidTensorError, match=words):
        await specified({"x_": ("float32", shape)}, {}).infer(x_=given)


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ([2, 3], array(2, 3)),
        ([], array()),
        (["n", "n"], array(2, 2)),
        ([None, "n", 3], array(5, 0, 3)),
        (None, array(1, 2, 3)),
        ("*", array()),
        ("any", array(2, 2)),
        (["*", None], array(2, 2)),
        ([None, None], NestedTensor([array(2), array(1)])),
        ([2, None, "n"], NestedTensor([array(2, 4), array(1, 4)])),
        ("any", NestedTensor([array(2), array(1)])),
    ],
)
async def test_an_input_that_keeps_to_its_spec_is_taken(specified: Specified, shape: Shape, given: Any) -> None:
    out = await specified({"x_": ("float32", shape)}, {"x": ("float32", shape)}, strict=True).infer(x_=given)
    assert out["x"].shape == given.shape


async def test_a_symbol_holds_over_several_inputs(specified: Specified) -> None:
    model = specified({"a_": ("float32", ["n"]), "b_": ("float32", [2, "n"])}, {})
    await model.infer(a_=array(3), b_=array(2, 3))
    with pytest.raises(InvalidTensorError, match="input 'b_', axis 1: has size 4, but 'n' is 3 in input 'a_', axis 0"):
        await model.infer(a_=array(3), b_=array(2, 4))


async def test_a_symbol_is_free_again_in_the_next_call(specified: Specified) -> None:
    model = specified({"x_": ("float32", ["n"])}, {"x": ("float32", ["n"])}, strict=True)
    for size in (3, 4, 0):
        assert (await model.infer(x_=array(size)))["x"].shape == (size,)


async def test_a_symbol_holds_over_inputs_and_outputs(specified: Specified) -> None:
    model = specified(
        {"x_": ("float32", ["n"]), "y_": ("float32", None)}, {"x": ("float32", None), "y": ("float32", ["n"])}
    )
    await model.infer(x_=array(3), y_=array(3))
    with pytest.warns(SpecWarning, match="output 'y', axis 0: has size 4, but 'n' is 3 in input 'x_', axis 0"):
        out = await model.infer(x_=array(3), y_=array(4))
    assert out["y"].shape == (4,), "and the result is given all the same"


async def test_a_symbol_for_a_whole_shape_holds_too(specified: Specified) -> None:
    model = specified({"a_": ("float32", "shape"), "b_": ("float32", "shape")}, {})
    await model.infer(a_=array(2, 3), b_=array(2, 3))
    with pytest.raises(
        InvalidTensorError, match=r"input 'b_' has shape \[3, 2\], but 'shape' is \[2, 3\] in input 'a_'"
    ):
        await model.infer(a_=array(2, 3), b_=array(3, 2))


async def test_symbols_for_a_shape_and_for_a_size_are_different_even_when_spelt_alike(specified: Specified) -> None:
    model = specified({"a_": ("float32", "n"), "b_": ("float32", ["n"])}, {}, strict=True)
    await model.infer(a_=array(2, 3), b_=array(7))


async def test_a_missing_input_is_warned_about_and_left_out(specified: Specified) -> None:
    model = specified({"a_": ("float32", None), "b_": ("float32", None)}, {})
    with pytest.warns(SpecWarning, match="input 'b_' is missing; the model's specs have 'a_', 'b_'") as warned:
        out = await model.infer(a_=array(1))
    assert list(out) == ["a"]
    assert [warning.filename for warning in warned] == [__file__]


async def test_an_unknown_input_is_warned_about_and_passed_on(specified: Specified) -> None:
    model = specified({"a_": ("float32", None)}, {})
    with pytest.warns(SpecWarning, match="input 'c_' is not in the model's specs, which have 'a_'"):
        out = await model.infer(a_=array(1), c_=array(2))
    assert out["c"].shape == (2,)


async def test_outputs_with_other_names_are_warned_about(specified: Specified) -> None:
    model = specified({"a_": ("float32", None)}, {"z": ("float32", None)})
    with pytest.warns(SpecWarning) as warned:
        assert list(await model.infer(a_=array(1))) == ["a"]
    assert [str(warning.message) for warning in warned] == [
        "output 'z' is missing; the model's specs have 'z'",
        "output 'a' is not in the model's specs, which have 'z'",
    ]
    assert {warning.filename for warning in warned} == {__file__}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [({}, "input 'a_' is missing"), ({"a_": array(1), "c_": array(1)}, "input 'c_' is not in the model's specs")],
)
async def test_strict_makes_errors_of_names(specified: Specified, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidTensorError, match=words):
        await specified({"a_": ("float32", None)}, {"a": ("float32", None)}, strict=True).infer(inputs)


async def test_strict_makes_errors_of_outputs(specified: Specified) -> None:
    model = specified({"a_": ("float32", ["n"])}, {"a": ("int8", ["n"]), "b": ("int8", [])}, strict=True)
    with pytest.raises(ModelError, match=r"does not keep to its specs: output 'b' is missing.*; output 'a' has dtype"):
        await model.infer(a_=array(1))


async def test_the_items_of_a_stream_are_compared_too(specified: Specified) -> None:
    model = specified({"a_": ("float32", None)}, {"a": ("int8", None)})
    with pytest.warns(SpecWarning, match="output 'a' has dtype float32, its spec says int8"):
        assert len([item async for item in model.streaming_infer(a_=array(1))]) == 1


async def test_tensors_may_be_given_by_position(specified: Specified) -> None:
    model = specified({"a_": ("float32", None), "b_": ("int64", None)}, {})
    out = await model.infer(array(1), array(2, dtype="int64"))
    assert {name: value.shape for name, value in out.items()} == {"a": (1,), "b": (2,)}
    out = await model.infer(array(1), b_=array(3, dtype="int64"))
    assert out["b"].shape == (3,)
    out = await model.infer({"a_": array(1)}, b_=array(4, dtype="int64"))
    assert out["b"].shape == (4,)


@pytest.mark.parametrize("inputs", [(array(1),), ({"a_": array(1)},)], ids=["by position", "in a dict"])
async def test_an_input_that_is_given_twice_is_refused(specified: Specified, inputs: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidTensorError, match="input 'a_' was given twice"):
        await specified({"a_": ("float32", None)}, {}).infer(*inputs, a_=array(1))


async def test_too_many_positions_are_refused(specified: Specified) -> None:
    with pytest.raises(InvalidTensorError, match=r"2 inputs were given by position .*; its specs have 1"):
        await specified({"a_": ("float32", None)}, {}).infer(array(1), array(1))
    with pytest.raises(InvalidTensorError, match="it has no specs, so give a dict of tensors by name"):
        await specified({}, {}).infer(array(1))


@pytest.mark.parametrize(
    ("dtype", "given", "found"),
    [
        ("float32", [1, 2], "float32"),
        ("float32", 0.1, "float32"),
        ("uint8", [0, 255], "uint8"),
        ("int64", 3.0, "int64"),
        ("float64", 2**53, "float64"),
        ("float32", [float("nan"), float("inf")], "float32"),
        ("uint64", 2**64 - 1, "uint64"),
    ],
)
async def test_python_numbers_take_the_dtype_of_the_spec(
    specified: Specified, dtype: str, given: Any, found: str
) -> None:
    out = await specified({"x_": (dtype, None)}, {"x": (dtype, None)}, strict=True).infer(x_=given)
    assert out["x"].dtype == found


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        ("uint8", [256]),
        ("uint8", [-1]),
        ("int64", [0.5]),
        ("int64", [float("nan")]),
        ("float32", [1e300]),
        ("float32", [2**24 + 1]),
        ("int8", ["1"]),
    ],
)
async def test_no_value_is_changed_to_fit_a_spec(specified: Specified, dtype: str, given: Any) -> None:
    with pytest.raises(InvalidTensorError, match=f"its spec says {dtype}"):
        await specified({"x_": (dtype, None)}, {}).infer(x_=given)


async def test_arrays_keep_their_dtype(specified: Specified) -> None:
    with pytest.raises(InvalidTensorError, match="input 'x_' has dtype int64, its spec says float32"):
        await specified({"x_": ("float32", None)}, {}).infer(x_=np.array([1, 2]))
