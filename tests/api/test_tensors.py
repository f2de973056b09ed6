"""Tensors there and back: what goes in comes out, whatever its dtype, rank, order and strides."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_models import FUNCTION, Loader

import carton_runtime as carton
from carton_runtime import NestedTensor

NUMERIC = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@pytest.fixture(scope="module", params=["noop", "python 3.8"])
def echo(request: pytest.FixtureRequest, code_dir: Callable[..., Path], module_loaded: Loader) -> carton.Carton:
    """A model that gives back what it gets: by our numpy, and by the oldest that models may have."""
    if request.param == "noop":
        return module_loaded.unpacked(code_dir(), runner_name="noop", required_framework_version="*")
    version = request.getfixturevalue("python_here")("3.8")
    return module_loaded.code("def run(tensors):\n    return tensors\n" + FUNCTION, required_framework_version=version)


async def there_and_back(model: carton.Carton, value: Any) -> Any:
    return (await model.infer({"x": value}))["x"]


def assert_same(found: Any, given: np.ndarray[Any, Any]) -> None:
    assert isinstance(found, np.ndarray)
    assert (found.dtype, found.shape) == (given.dtype.newbyteorder("="), given.shape)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, given)


@pytest.mark.parametrize("dtype", NUMERIC)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 4), (1,) * 32])
async def test_numbers_of_every_dtype_and_rank(echo: carton.Carton, dtype: str, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    given = np.resize(np.array([0, 1, 100]), size).astype(dtype).reshape(shape)
    assert_same(await there_and_back(echo, given), given)


@pytest.mark.parametrize("dtype", NUMERIC)
async def test_the_ends_of_every_dtype(echo: carton.Carton, dtype: str) -> None:
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    given = np.array([info.min, info.max], dtype)
    assert_same(await there_and_back(echo, given), given)


async def test_odd_floats(echo: carton.Carton) -> None:
    given = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324])
    found = await there_and_back(echo, given)
    assert found.tobytes() == given.tobytes()


@pytest.mark.parametrize(
    "given",
    [
        np.array("scalar"),
        np.array(""),
        np.array(["a", "", "größer", "日本語 🎉", "a\nb\tc\0d"]),
        np.array([["a", "bb"], ["ccc", "dddd"]]),
        np.array([[[["deep"]]]]),
        np.array([], dtype="<U1"),
        np.empty((0, 3), dtype="<U5"),
        np.array(["x" * 1000, "y"]),
    ],
    ids=lambda given: f"{given.dtype}{list(given.shape)}",
)
async def test_strings_of_every_rank(echo: carton.Carton, given: np.ndarray[Any, Any]) -> None:
    found = await there_and_back(echo, given)
    assert (found.shape, found.tolist()) == (given.shape, given.tolist())
    assert found.dtype.kind == "U"


@pytest.mark.parametrize(
    "given",
    [
        np.arange(24).reshape(4, 6)[::2, ::-3],
        np.arange(24).reshape(4, 6).T,
        np.asfortranarray(np.arange(24.0).reshape(4, 6)),
        np.broadcast_to(np.float32(5), (3, 4)),
        np.arange(6, dtype=">i4"),
        np.arange(6, dtype=">f8").reshape(2, 3)[:, ::2],
        np.array(7, dtype=">u2"),
        np.array(["big", "endian"]).astype(">U6"),
        np.frombuffer(b"\0" * 9, np.uint8)[1:].view(np.uint32),
    ],
    ids=["strided", "transposed", "fortran", "broadcast", ">i4", ">f8 strided", ">u2 scalar", ">U", "unaligned"],
)
async def test_memory_of_every_layout(echo: carton.Carton, given: np.ndarray[Any, Any]) -> None:
    assert_same(await there_and_back(echo, given), given)


async def test_an_array_that_may_not_be_written_to_is_taken_and_stays_as_it_was(echo: carton.Carton) -> None:
    given = np.arange(4)
    given.flags.writeable = False
    found = await there_and_back(echo, given)
    found += 1  # what comes back is the caller's own
    assert given.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "arrays",
    [
        [[1, 2], [3], []],
        [[[1.5]], [[2.5, 3.5], [4.5, 5.5]]],
        [["a"], ["bb", "c"]],
        [1, 2, 3],
    ],
    ids=["int64", "rank 3", "strings", "scalars"],
)
async def test_nested_tensors(echo: carton.Carton, arrays: list[Any]) -> None:
    dtype = "U" if "a" in str(arrays) else None if "." in str(arrays) else "int64"
    given = NestedTensor([np.array(array, dtype) for array in arrays])
    found = await there_and_back(echo, given)
    assert isinstance(found, NestedTensor)
    assert (found.dtype, found.shape, found.tolist()) == (given.dtype, given.shape, given.tolist())


async def test_many_tensors_of_every_kind_in_one_call(echo: carton.Carton) -> None:
    given = {f"t {number} ü": np.full(number, number) for number in range(200)}
    given["text"] = np.array(["a"])
    found = await echo.infer(given)
    assert list(found) == list(given)
    for name, array in given.items():
        assert_same(found[name], array)


async def test_no_tensors_at_all(echo: carton.Carton) -> None:
    assert await echo.infer({}) == {}
    assert await echo.infer() == {}


@pytest.mark.parametrize(
    "given",
    [np.arange(4_000_000, dtype=np.float32), np.array(["x" * 100_000, "y"])],
    ids=["numbers", "strings"],
)
async def test_large_tensors(code_dir: Callable[..., Path], loaded: Loader, given: np.ndarray[Any, Any]) -> None:
    model = loaded.unpacked(code_dir(), runner_name="noop", required_framework_version="*")
    for _ in range(3):
        assert_same(await there_and_back(model, given), given)


async def test_python_values_become_what_numpy_makes_of_them(echo: carton.Carton) -> None:
    values = {"int": 3, "float": 0.5, "text": "é", "list": [1, 2], "texts": ["a", "bb"], "rows": [[1.0], [2.0]]}
    found = await echo.infer(values)
    assert {name: array.tolist() for name, array in found.items()} == values
    assert [found[name].dtype for name in ("int", "float", "list")] == [np.int64, np.float64, np.int64]


async def test_an_object_array_of_strings_is_a_string_tensor(echo: carton.Carton) -> None:
    found = await there_and_back(echo, np.array([["a"], ["bcd"]], dtype=object))
    assert (found.tolist(), found.dtype) == ([["a"], ["bcd"]], np.dtype("<U3"))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "dtype bool is not supported; convert it to one of float32"),
        (np.array([True]), "dtype bool"),
        (np.float16(1), "dtype float16"),
        (1j, "dtype complex128"),
        (b"bytes", "bytes is not a tensor"),
        (np.array([b"bytes"]), r"dtype \|S5"),
        (None, "NoneType is not a tensor"),
        ({"a": 1}, "dict is not a tensor"),
        (np.array(["a", 1], dtype=object), "may hold only str, not int"),
        (object(), "may hold only str, not object"),
        ([[1], [2, 3]], "use NestedTensor for ragged data"),
        (np.array(["2026-01-01"], dtype="datetime64[D]"), "dtype datetime64"),
        (2**70, "may hold only str, not int"),
        (np.zeros(1, [("a", "i4")]), "dtype .* is not supported"),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, str) else "",
)
async def test_what_is_no_tensor_is_refused_by_its_name(echo: carton.Carton, value: Any, words: str) -> None:
    with pytest.raises(carton.InvalidTensorError, match=f"input 'x': .*{words}"):
        await there_and_back(echo, value)
    assert (await echo.infer(x=1))["x"] == 1, "the model goes on"


async def test_an_input_is_named_by_a_string(echo: carton.Carton) -> None:
    with pytest.raises(carton.InvalidTensorError, match="inputs are named by strings, not by 5"):
        await echo.infer({5: 1})


def test_this_machine_is_little_endian() -> None:
    """Else the tests of byte orders prove nothing."""
    assert sys.byteorder == "little"
