"""Tensors as raw bytes: descriptors for a frame's header, buffers for its body.

A descriptor is ``[name, dtype, shape]``, for a nested tensor ``[name, dtype, [shape, ...], 1]``. The dtype is the
carton's name or, for strings, ``U<n>``: UTF-32 little-endian, `n` characters each, NUL-padded, which is numpy's own
memory. The inner tensors of a nested one follow each other in a single buffer.
"""

from __future__ import annotations

from math import prod
from typing import Any, Mapping

import numpy as np

from .errors import WireError
from .frames import ALIGNMENT
from .nested import NestedTensor
from .values import DTYPES, Tensor, dtype_name

_BY_NAME = {name: np.dtype(name).newbyteorder("<") for name in DTYPES if name != "string"}
_LARGEST_CODE_POINT = 0x10FFFF


def describe(tensors: Mapping[str, Tensor]) -> tuple[list[Any], list[memoryview]]:
    """Descriptors and flat buffers of tensors that `carton_wire.values.as_tensor` made; nothing plain is copied."""
    descriptors: list[Any] = []
    buffers = []
    for name, tensor in tensors.items():
        if isinstance(tensor, NestedTensor):
            descriptors.append([name, _wire_dtype(tensor.dtype), [array.shape for array in tensor], 1])
            flat = np.concatenate([array.reshape(-1) for array in tensor])
        else:
            descriptors.append([name, _wire_dtype(tensor.dtype), tensor.shape])
            flat = tensor.reshape(-1)
        buffers.append(flat.view(np.uint8).data if flat.nbytes else memoryview(b""))
    return descriptors, buffers


def rebuild(descriptors: Any, body: memoryview) -> dict[str, Tensor]:
    """The tensors that a frame carries, as writable views into its body.

    Raises:
        WireError: a descriptor makes no sense or does not fit the body.
    """
    tensors: dict[str, Tensor] = {}
    offset = 0
    for descriptor in _list(descriptors):
        name, dtype, shapes, nested = _check(descriptor)
        offset += -offset % ALIGNMENT
        arrays = []
        for shape in shapes:
            arrays.append(_array(name, dtype, shape, body, offset))
            offset += arrays[-1].nbytes
        tensors[name] = NestedTensor(arrays) if nested else arrays[0]
    if offset != body.nbytes:
        raise WireError(f"the tensors of a frame take {offset} of its {body.nbytes} bytes")
    return tensors


def _wire_dtype(dtype: np.dtype[Any]) -> str:
    return f"U{dtype.itemsize // 4}" if dtype.kind == "U" else dtype_name(dtype)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise WireError(f"the tensors of a frame are described by {type(value).__name__}, not a list")
    return value


def _check(descriptor: Any) -> tuple[str, np.dtype[Any], list[tuple[int, ...]], bool]:
    if not isinstance(descriptor, list) or len(descriptor) not in (3, 4) or not isinstance(descriptor[0], str):
        raise WireError(f"{descriptor!r} describes no tensor")
    nested = len(descriptor) == 4
    shapes = _list(descriptor[2]) if nested else [descriptor[2]]
    if not shapes:
        raise WireError(f"nested tensor {descriptor[0]!r} has no inner tensors")
    return descriptor[0], _dtype(descriptor[1]), [_shape(shape) for shape in shapes], nested


def _dtype(text: Any) -> np.dtype[Any]:
    known = _BY_NAME.get(text) if isinstance(text, str) else None
    if known is not None:
        return known
    # At most eight digits: numpy refuses longer strings than that itself, with errors of its own.
    if isinstance(text, str) and text[:1] == "U" and text[1:].isdecimal() and text.isascii() and len(text) < 9:
        return np.dtype("<" + text)
    raise WireError(f"{text!r} is no dtype of the wire")


def _shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > 32 or not all(type(size) is int and size >= 0 for size in shape):
        raise WireError(f"{shape!r} is no shape")
    return tuple(shape)


def _array(
    name: str, dtype: np.dtype[Any], shape: tuple[int, ...], body: memoryview, offset: int
) -> np.ndarray[Any, Any]:
    nbytes = prod(shape) * dtype.itemsize
    if offset + nbytes > body.nbytes:
        raise WireError(f"tensor {name!r} needs {nbytes} bytes at {offset}, the frame has {body.nbytes}")
    if not nbytes:
        return _empty(name, shape, dtype)
    array = np.ndarray(shape, dtype, body, offset)
    if dtype.kind == "U" and np.ndarray((nbytes // 4,), np.uint32, body, offset).max() > _LARGEST_CODE_POINT:
        raise WireError(f"string tensor {name!r} holds what is no character")
    return array


def _empty(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    # Without elements nothing bounds the other sizes, and numpy refuses absurd ones.
    try:
        return np.zeros(shape, dtype)
    except ValueError as error:
        raise WireError(f"tensor {name!r} of shape {shape}: {error}") from error
