"""What a tensor can be: the dtypes of the carton format, and how Python values become tensors.

A *tensor* is a C-contiguous little-endian `numpy.ndarray` of one of `DTYPES` (strings as ``<U``), or a `NestedTensor`
of such.
"""

from __future__ import annotations

import operator
from codecs import utf_32_le_decode
from datetime import date, time, timedelta
from typing import Any, Iterator, Union

import numpy as np

from .nested import NestedTensor, refuse_masked

DTYPES = (
    "float32", "float64", "string", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip
"""The names of the dtypes, as ``carton.toml`` spells them."""

Array = "np.ndarray[Any, Any]"
Tensor = Union["np.ndarray[Any, Any]", NestedTensor]
Raw = Union[memoryview, "np.ndarray[Any, Any]"]

_NUMERIC = frozenset(DTYPES) - {"string"}
_LARGEST_CODE_POINT = 0x10FFFF
_SMALL = 1 << 12

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1

_INSTEAD_OF_TIMES = "give a time as a number, such as seconds in float64, or as a string in ISO format"

NATIVE = {np.dtype(name): name for name in DTYPES if name != "string"}
"""The numpy dtypes of numbers and their names; ``dtype.name`` is computed anew each time, for 3 µs."""


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The carton name of a numpy dtype that `as_tensor` lets through."""
    return NATIVE.get(dtype) or ("string" if dtype.kind == "U" else dtype.name)


def as_tensor(value: Any) -> Tensor:
    """Turn what a person or a model gives into a tensor, copying only where it must.

    Takes arrays of the listed dtypes (any byte order, any strides), Python numbers and strings, lists of them, object
    arrays of `str`, and `NestedTensor`. Python integers become int64 and floats float64, as in numpy.

    Raises:
        TypeError: the value is of another kind; the message names it and what to use.
    """
    if isinstance(value, NestedTensor):
        arrays = [_as_array(array) for array in value]
        return value if all(map(operator.is_, arrays, value)) else NestedTensor(arrays)
    return _as_array(value)


def is_array(value: Any) -> bool:
    """Whether a value is a tensor of numbers as it stands, as nearly all are."""
    return type(value) is np.ndarray and value.dtype in NATIVE and value.flags.c_contiguous


def are_characters(memory: Raw) -> bool:
    """Whether what numpy takes for strings holds nothing but code points."""
    if memory.nbytes <= _SMALL:  # in a tenth of the time
        try:
            utf_32_le_decode(memory.tobytes(), "surrogatepass")
        except UnicodeDecodeError:
            return False
        return True
    return bool(np.ndarray((memory.nbytes // 4,), np.uint32, memory).max() <= _LARGEST_CODE_POINT)


def _as_array(value: Any) -> np.ndarray[Any, Any]:
    if is_array(value):
        return value  # type: ignore[no-any-return]
    _refuse(value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"the list does not have one shape; use NestedTensor for ragged data ({error})") from error
    if array.dtype.kind == "U" and isinstance(value, (list, tuple)):
        array = np.asarray(value, dtype=object)  # as it was given: numpy has made strings of numbers among strings
    if array.dtype.kind == "O":
        array = _strings(array)
    if array.dtype.kind != "U" and array.dtype.name not in _NUMERIC:
        raise TypeError(_unsupported(array.dtype))
    native = array.dtype.newbyteorder("=")
    # ascontiguousarray would turn a scalar into a row, asarray does not
    array = np.asarray(array, dtype=native, order="C")
    if array.dtype.kind == "U" and not are_characters(array):
        raise TypeError("the strings hold what is no character; give raw bytes as uint8")
    return array


def _refuse(value: Any) -> None:
    """Raise for what numpy would take, and make something else of than was meant."""
    refuse_masked(value)
    if isinstance(value, Iterator):
        raise TypeError(f"{type(value).__name__} is not a tensor; make a list of it first: list(...)")
    if value is None or isinstance(value, (bytes, bytearray, dict, set)):
        raise TypeError(f"{type(value).__name__} is not a tensor; give an array, a number, a string, or a list of them")


def _unsupported(dtype: np.dtype[Any]) -> str:
    if dtype.kind in "mM":
        return f"dtype {dtype} is not supported; {_INSTEAD_OF_TIMES}"
    return "dtype {} is not supported; convert it to one of {}".format(dtype, ", ".join(DTYPES))


def _strings(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    others = [item for item in array.flat if not isinstance(item, str)]
    if others:
        instead = next(filter(None, map(_instead_of, others)), "")
        raise TypeError(f"an object array may hold only str, not {type(others[0]).__name__}{instead}")
    return array.astype(str) if array.size else array.astype("<U1")


def _instead_of(item: Any) -> str:
    if isinstance(item, int) and not _SMALLEST <= item <= _LARGEST:
        return "; give numbers of more than 64 bits as floats or as strings"
    if isinstance(item, (date, time, timedelta)):
        return f"; {_INSTEAD_OF_TIMES}"
    return ""
