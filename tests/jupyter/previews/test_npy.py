"""Files of numpy, from anybody."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carton_runtime as carton
from carton_jupyter.previews.npy import read_npy


def saved(array: Any, **options: Any) -> bytes:
    written = io.BytesIO()
    np.save(written, array, **options)
    return written.getvalue()


def header(text: str, version: bytes = b"\x01\x00") -> bytes:
    encoded = text.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + version + len(encoded).to_bytes(2, "little") + encoded


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(5, np.uint8),
        np.array(["a", "ü"]),
        np.zeros((0, 7), np.int16),
        np.array([True, False]),
    ],
    ids=["big endian", "Fortran", "scalar", "strings", "empty", "bool"],
)
def test_what_numpy_saved_is_read(array: np.ndarray[Any, Any]) -> None:
    found = read_npy("x.npy", saved(array))
    assert np.array_equal(found, array)
    assert found.dtype.isnative
    assert found.flags.writeable


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(99999999999, 99999999999)", "(-1, -1)", "(3,)"])
def test_a_header_that_claims_more_than_there_is_gets_no_room(shape: str) -> None:
    data = header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}") + bytes(8)
    with pytest.raises(carton.InvalidTensorError, match=r"takes .* bytes, it has 8"):
        read_npy("x.npy", data)


@pytest.mark.parametrize("dtype", ["<U0", "|V0", "|O", "<c16", "<M8[s]", "|S3", "|V8"])
def test_what_is_no_tensor_is_refused(dtype: str) -> None:
    data = header(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': (1000000000000,), }}")
    with pytest.raises(carton.InvalidTensorError, match="no tensor; save numbers or strings"):
        read_npy("x.npy", data)


def test_an_empty_array_of_a_size_that_none_can_have_is_refused() -> None:
    data = header("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 9999999999999999999999), }")
    with pytest.raises(carton.InvalidTensorError, match="no array can have"):
        read_npy("x.npy", data)


def test_pickles_are_not_opened() -> None:
    class Beast:
        def __reduce__(self) -> Any:
            return pytest.fail, ("opened",)

    data = saved(np.array([Beast()], dtype=object), allow_pickle=True)
    with pytest.raises(carton.InvalidTensorError, match="holds object"):
        read_npy("x.npy", data)


def test_later_versions_are_refused() -> None:
    with pytest.raises(carton.InvalidTensorError):
        read_npy("x.npy", saved(np.zeros(2, [("ü", "f4")])))
    with pytest.raises(carton.InvalidTensorError):
        read_npy("x.npy", header("{}", b"\x09\x00"))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 80))
def test_garbage_is_refused_with_words(noise: bytes, place: int) -> None:
    whole = saved(np.arange(3.0))
    for data in (
        noise,
        b"\x93NUMPY" + noise,
        whole[:place] + noise + whole[place + len(noise) :],
        header(noise.decode("latin-1")),
    ):
        try:
            read_npy("x.npy", data)
        except carton.InvalidTensorError as error:
            assert "x.npy" in str(error)  # noqa: PT017  # some of it is an array after all


def test_a_deep_header_is_refused() -> None:
    with pytest.raises(carton.InvalidTensorError):
        read_npy("x.npy", header("(" * 5000))
