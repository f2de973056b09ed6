"""Arrays from .npy files of anybody: no pickle, and no room for more than there are bytes."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.kinds import Array
from carton_jupyter.previews.wording import shape_text

MAGIC = b"\x93NUMPY"
_DTYPES = "biufU"


def read_npy(name: str, data: bytes) -> Array:
    """The array in a file; of numbers or strings, in the byte order of this machine.

    Raises:
        InvalidTensorError: it is broken, of another dtype, or claims other sizes than it has.
    """
    shape, in_fortran_order, dtype, offset = _header(name, data)
    if dtype.kind not in _DTYPES or not dtype.itemsize:
        raise carton.InvalidTensorError(f"{name!r} holds {dtype}, which is no tensor; save numbers or strings")
    expected, there = math.prod(shape) * dtype.itemsize, len(data) - offset
    if min(shape, default=0) < 0 or expected != there:
        raise carton.InvalidTensorError(
            f"{name!r} is cut off or broken: {dtype} of {shape_text(shape)} takes {expected:,} bytes, it has {there:,}"
        )
    try:
        flat = np.frombuffer(data, dtype, offset=offset) if there else np.empty(0, dtype)
        array = flat.reshape(shape, order="F" if in_fortran_order else "C")
    except (ValueError, OverflowError) as error:
        raise carton.InvalidTensorError(f"{name!r} has a shape that no array can have: {error}") from error
    return array.astype(dtype.newbyteorder("="), order="C")


def _header(name: str, data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, order, dtype = np.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, order, dtype = np.lib.format.read_array_header_2_0(file)
        else:
            shape, order, dtype = (), False, np.dtype(object)  # a later version, which only names of fields need
    except Exception as error:
        # numpy has no one error for a broken header: ValueError, TypeError, SyntaxError, RecursionError, tokenizer's
        raise carton.InvalidTensorError(f"{name!r} is no .npy file that can be read: {error}") from error
    return shape, order, dtype, file.tell()
