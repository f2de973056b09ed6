"""One stored tensor's file to an array, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tomli_w

from carton_runtime.errors import FormatError
from carton_runtime.format.limits import DEFAULTS, Limits
from carton_runtime.format.reading import parse_toml

Array = np.ndarray[Any, Any]


def numeric_from_bytes(data: bytes, dtype: str, shape: tuple[int, ...], path: str) -> Array:
    """A numeric tensor from its little-endian bytes in C order; the array is the caller's own.

    Raises:
        FormatError: the number of bytes is not what dtype and shape ask for.
    """
    little = np.dtype(dtype).newbyteorder("<")
    expected = math.prod(shape) * little.itemsize
    if len(data) != expected:
        raise FormatError(
            f"has {len(data):,} bytes; a tensor of dtype {dtype} and shape {list(shape)} has {expected:,}", where=path
        )
    return _shaped(np.frombuffer(data, little).astype(dtype), shape, path)


def strings_from_toml(data: bytes, shape: tuple[int, ...], path: str, limits: Limits = DEFAULTS) -> Array:
    """A string tensor from its TOML file.

    Raises:
        FormatError: the file is not TOML, does not hold as many strings as the shape asks for, or one string is so long
            that an array of them would not fit into memory.
    """
    table = parse_toml(data, path, limits, size="string_file_size")
    table.value("data")
    strings = table.text_list("data")
    if len(strings) != math.prod(shape):
        raise table.error("data", f"has {len(strings):,} strings; shape {list(shape)} asks for {math.prod(shape):,}")
    width = max((len(string) for string in strings), default=0)
    # numpy gives every string of an array the room of the longest one: a small file could ask for a lot of memory
    if 4 * width * len(strings) > limits.read_size:
        what = f"an array of its {len(strings):,} strings, of up to {width:,} characters, has too many bytes"
        raise limits.excess("read_size", what, where=path)
    return _shaped(np.array(strings, dtype=f"<U{max(width, 1)}"), shape, path)


def to_bytes(array: Array) -> memoryview:
    """A numeric tensor's bytes, without a copy where it is little-endian and in C order already."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data


def to_toml(array: Array, where: str) -> bytes:
    """A string tensor's file.

    Raises:
        FormatError: a string is not valid Unicode.
    """
    try:
        return tomli_w.dumps({"data": array.reshape(-1).tolist()}).encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"holds a string that is not valid Unicode: {error.reason}", where=where) from None


def _shaped(flat: Array, shape: tuple[int, ...], path: str) -> Array:
    try:
        return flat.reshape(shape)
    except ValueError as error:
        # Only an empty array can get here, with other sizes so large that numpy cannot count their product
        raise FormatError(f"no array can have shape {list(shape)}: {error}", where=path) from error
