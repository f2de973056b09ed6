"""What a dropped file is, its bytes say, and its name where they do not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import carton_runtime as carton
from carton_jupyter.previews import decode, formats_of, save
from carton_runtime import TensorSpec


def spec(dtype: str, shape: Any, name: str = "x") -> TensorSpec:
    return TensorSpec(name, dtype, shape)


def npy(array: Any) -> bytes:
    written = io.BytesIO()
    np.save(written, array)
    return written.getvalue()


def test_the_bytes_count_more_than_the_name() -> None:
    picture = io.BytesIO()
    Image.new("RGB", (4, 5)).save(picture, "PNG")
    assert decode("blob", picture.getvalue(), spec("uint8", ("h", "w", 3))).shape == (5, 4, 3)
    assert decode("x.csv", npy(np.zeros(3, np.float32)), spec("float32", ("n",))).shape == (3,)
    assert decode("X.CSV", b"1,2", spec("float32", ("n",))).tolist() == [1, 2]


def test_texts_are_one_or_a_line_each() -> None:
    assert decode("x.txt", b"a\nb\n", spec("string", ())).item() == "a\nb\n"
    assert decode("x.txt", b"a\nb\n", spec("string", ("n",))).tolist() == ["a", "b"]
    assert decode("x.txt", b"", spec("string", ("n",))).tolist() == [""]


@pytest.mark.parametrize(
    ("array", "dtype", "found"),
    [
        (np.array([0.1]), "float32", [np.float32(0.1)]),
        (np.array([1, 2]), "float32", [1, 2]),
        (np.array([1.0, 255.0]), "uint8", [1, 255]),
        (np.array([True]), "uint8", [1]),
        (np.array([2**63], np.uint64), "uint64", [2**63]),
        (np.array([-1], np.int8), "int64", [-1]),
        (np.array(["a"]), "string", ["a"]),
        (np.array([np.nan, np.inf]), "float32", [pytest.approx(np.nan, nan_ok=True), np.inf]),
    ],
    ids=str,
)
def test_an_array_takes_the_dtype_of_the_spec_where_that_loses_nothing(array: Any, dtype: str, found: Any) -> None:
    decoded = decode("x.npy", npy(array), spec(dtype, ("n",)))
    assert decoded.dtype.kind == "U" if dtype == "string" else decoded.dtype == dtype
    assert decoded.tolist() == found


@pytest.mark.parametrize(
    ("array", "dtype", "said"),
    [
        (np.array([1, 256]), "uint8", "holds 256, which uint8 cannot hold"),
        (np.array([-1]), "uint64", "holds -1, which uint64"),
        (np.array([2**64 - 1], np.uint64), "int64", "holds 18446744073709551615"),
        (np.array([0.5]), "int32", "holds 0.5, which int32"),
        (np.array([2.0**63]), "int64", "which int64 cannot hold"),
        (np.array([2.0**64]), "uint64", "which uint64 cannot hold"),
        (np.array([np.nan]), "int8", "holds nan"),
        (np.array([1e300]), "float32", "which float32 cannot hold"),
        (np.array(["1"]), "float32", "holds text, 'x' wants float32"),
        (np.array([1]), "string", "holds numbers, 'x' wants string"),
    ],
    ids=str,
)
def test_what_would_be_lost_is_named(array: Any, dtype: str, said: str) -> None:
    with pytest.raises(carton.InvalidTensorError, match=said):
        decode("x.npy", npy(array), spec(dtype, ("n",)))


@pytest.mark.parametrize(
    ("name", "data"), [("x.npz", b"PK\x03\x04"), ("x.pt", b"\x80\x02"), ("x", b""), ("x.txt", b"hello")]
)
def test_files_of_other_kinds_are_refused_with_what_would_do(name: str, data: bytes) -> None:
    with pytest.raises(
        carton.InvalidTensorError, match=r"is of no kind that can be read; give \.npy, \.csv, a picture or"
    ):
        decode(name, data, spec("float32", ("n",)))


def test_lines_of_which_one_is_very_long_are_refused_before_there_is_no_room() -> None:
    data = b"x" * 1_000_000 + b"\ny" * 1_000
    with pytest.raises(
        carton.InvalidTensorError, match=r"'x.txt' has 1,001 texts of up to 1,000,000 characters, too many"
    ):
        decode("x.txt", data, spec("string", ("n",)))


@pytest.mark.parametrize(
    ("value", "wanted", "exact"),
    [
        (np.arange(1200, dtype=np.uint8).reshape(20, 20, 3) % 251, spec("uint8", ("h", "w", 3), "image"), True),
        ((np.sin(np.arange(500)) * 30_000).astype(np.int16), spec("int16", ("n",), "audio"), True),
        (np.array(["a", "ü"]), spec("string", ("n",)), True),
        (np.float32([np.nan, 1]), spec("float32", ("n",)), True),
    ],
    ids=["image", "audio", "texts", "numbers"],
)
def test_what_was_saved_can_be_read_again(value: Any, wanted: TensorSpec, exact: bool) -> None:
    for format_ in formats_of(value, wanted):
        again = decode(f"x.{format_}", save(value, wanted, format_).data, wanted)
        assert np.array_equal(again, value, equal_nan=value.dtype.kind == "f"), format_
