"""What people type, as tensors and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import carton_runtime as carton
from carton_jupyter.previews import editor_of, from_typed, to_typed
from carton_runtime import TensorSpec

DTYPES = ("float32", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


def spec(dtype: str, shape: Any = None, name: str = "x", said: str = "") -> TensorSpec:
    return TensorSpec(name, dtype, shape, said)


@pytest.mark.parametrize(
    ("wanted", "editor"),
    [
        (spec("float32", ()), "number"),
        (spec("string", ()), "text"),
        (spec("string"), "text"),
        (spec("string", ("batch",)), "texts"),
        (spec("string", ("n", 2)), "file"),
        (spec("float32", (3,)), "grid"),
        (spec("float32", ("n",)), "grid"),
        (spec("float32", ("n", 4)), "grid"),
        (spec("float32", None), "grid"),
        (spec("float32", ("n", 768)), "file"),
        (spec("float32", ("a", "b", "c")), "file"),
        (spec("uint8", ("h", "w", 3)), "image"),
        (spec("float32", (1, 3, 224, 224)), "image"),
        (spec("float32", (1, 1, 28, 28), "digit"), "file"),
        (spec("float32", (1, 1, 28, 28), said="a grey picture"), "image"),
        (spec("uint8", ("h", "w"), "mask"), "image"),
        (spec("float32", (3, 3, 3)), "file"),
        (spec("float32", ("n",), "waveform"), "audio"),
        (spec("int16", ("channels", "n"), "audio"), "audio"),
        (spec("float32", (), "image"), "number"),
        (spec("int64", (None, None), "attention_mask"), "grid"),
        (spec("int64", (None,), "audio_lengths"), "grid"),
        (spec("float32", (None, 512), "image_embeds"), "file"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.name} {value.dtype} {value.shape}",
)
def test_an_input_has_the_editor_that_suits_it(wanted: TensorSpec, editor: str) -> None:
    assert editor_of(wanted) == editor


@pytest.mark.parametrize(
    ("value", "dtype", "found"),
    [
        (2, "float32", 2.0),
        (2.0, "uint8", 2),
        ("18446744073709551615", "uint64", 2**64 - 1),
        (" 1e-3 ", "float64", 0.001),
        ("-inf", "float32", -np.inf),
        ([[1, 2], [3, 4]], "int64", [[1, 2], [3, 4]]),
        ([], "float32", []),
        ([[], []], "float32", [[], []]),
        ("text", "string", "text"),
        (["a", "ü\ud800"], "string", ["a", "ü\ufffd"]),
        ([], "string", []),
    ],
    ids=str,
)
def test_what_is_typed_has_the_dtype_of_the_spec(value: Any, dtype: str, found: Any) -> None:
    array = from_typed(value, spec(dtype))
    assert array.tolist() == found
    assert array.dtype.kind == "U" if dtype == "string" else array.dtype == dtype


@pytest.mark.parametrize(
    ("value", "dtype", "said"),
    [
        (300, "uint8", "300 does not fit 'x': uint8 holds 0 to 255"),
        (-1, "uint64", "-1 does not fit 'x'"),
        (0.5, "int32", "'x' wants a whole number, not 0.5"),
        ("nan", "int32", "wants a whole number"),
        ("inf", "int32", "wants a whole number"),
        (1e39, "float32", "does not fit 'x': float32 goes to 3.4e"),
        ("", "float32", "'x' wants a number, not nothing"),
        (None, "float32", "'x' wants a number, not nothing"),
        (True, "float32", "'x' wants a number, not True"),
        ("one", "float32", "not 'one'"),
        ({"a": 1}, "float32", "wants a number, not {'a': 1}"),
        ([[1, 2], [3]], "float32", "the rows typed for 'x' are not alike"),
        ([1, [2]], "float32", "the rows typed for 'x' are not alike"),
        (1, "string", "'x' wants text, not 1"),
        (10**400, "float64", "does not fit 'x'"),
        ("9" * 5000, "int64", "'x' wants"),
        (["x" * 1_000_000, *["y"] * 1000], "string", "'x' has 1,001 texts of up to"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_fit_is_refused_with_words(value: Any, dtype: str, said: str) -> None:
    with pytest.raises(carton.InvalidTensorError, match=said):
        from_typed(value, spec(dtype))


@given(st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=2))))
def test_a_small_tensor_can_be_edited(array: np.ndarray[Any, Any]) -> None:
    typed = json.loads(json.dumps(to_typed(array), allow_nan=False), parse_int=float)  # as JavaScript reads numbers
    again = from_typed(typed, spec(str(array.dtype)))
    assert np.array_equal(again, array, equal_nan=array.dtype.kind == "f")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not text.endswith("\0"))))
def test_texts_can_be_edited(texts: list[str]) -> None:
    array = np.array(texts, dtype=str)
    assert from_typed(to_typed(array), spec("string")).tolist() == texts


def test_floats_are_written_as_people_would() -> None:
    assert to_typed(np.float32([0.1, 2])) == [0.1, 2.0]
    assert to_typed(np.array([[np.nan, np.inf, -np.inf]])) == [["nan", "inf", "-inf"]]
    assert to_typed(np.array(2**64 - 1, np.uint64)) == "18446744073709551615"


@pytest.mark.parametrize(
    "array", [np.zeros(401), np.zeros((2, 2, 2)), np.array("x" * 100_001), np.array([["a"]]), np.array("\ud800")]
)
def test_what_is_large_is_not_typed(array: np.ndarray[Any, Any]) -> None:
    assert to_typed(array) is None
