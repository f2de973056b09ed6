"""Tensors as raw bytes: descriptors for a frame's header, buffers for its body or for shared memory.

A descriptor is ``[name, dtype, shape, is_nested, region, offset]``. The dtype is the carton's name or, for strings,
``U<n>``: UTF-32 little-endian, `n` characters each, NUL-padded, which is numpy's own memory. For a nested tensor the
shape is a list of shapes, and the inner tensors follow each other in one buffer. Region 0 is the frame's body, where
buffers lie in order; other regions are those of `carton_wire.memory`.
"""

from __future__ import annotations

from math import prod
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .errors import WireError
from .frames import ALIGNMENT
from .nested import NestedTensor
from .values import DTYPES, Raw, Tensor, are_characters, dtype_name

_BY_NAME = {name: np.dtype(name).newbyteorder("<") for name in DTYPES if name != "string"}
_SMALL = 1 << 10
_MOST_AXES = 32  # numpy 1's limit
_MOST_DIGITS = 7  # of a string's length: numpy refuses much longer strings itself, with errors of its own

Views = Tuple[Tuple[str, Tuple[int, ...], "np.dtype[Any]", int], ...]
"""The name, shape, dtype and offset of each tensor; plain tuples, since every call takes them apart."""

BODY = 0
"""The region that is the frame's body."""


class Slot(NamedTuple):
    """Where a tensor's bytes are and what they mean."""

    name: str
    dtype: np.dtype[Any]
    shapes: tuple[tuple[int, ...], ...]
    is_nested: bool
    region: int
    offset: int
    nbytes: int
    is_plain: bool  # numbers, and some: whatever bytes are there make such a tensor


Form = Tuple[Tuple[str, type, "np.dtype[Any]", Tuple[Optional[int], ...]], ...]
"""All that headers and specs say something about: the name, type, dtype and shape of each tensor."""


def form_of(tensors: Mapping[str, Tensor]) -> Form:
    """The form of a message's tensors."""
    form = []
    for (
        name,
        tensor,
    ) in tensors.items():  # a comprehension is a call before Python 3.12, and every call goes through here
        form.append((name, type(tensor), tensor.dtype, tensor.shape))
    return tuple(form)


def described_form(slots: Sequence[Slot]) -> Form | None:
    """The form that a frame's tensors will have; `None` if that is only known from the tensors."""
    if not all(slot.is_plain for slot in slots):
        return None
    return tuple((slot.name, np.ndarray, slot.dtype, slot.shapes[0]) for slot in slots)


def refuse_unfit(tensors: Mapping[str, Tensor]) -> None:
    """Raise `WireError` for what the other side would refuse, and the connection with it."""
    for name, tensor in tensors.items():
        axes = tensor.ndim - isinstance(tensor, NestedTensor)  # those of the inner tensors
        if axes > _MOST_AXES:
            raise WireError(f"tensor {name!r} has {axes} axes; the wire carries {_MOST_AXES} at most")
        if tensor.dtype.kind == "U" and tensor.dtype.itemsize >= 4 * 10**_MOST_DIGITS:
            raise WireError(f"tensor {name!r} has strings of 10**{_MOST_DIGITS} characters or more; split them")


def describe(name: str, tensor: Tensor, region: int, offset: int) -> list[Any]:
    """The descriptor of a tensor that `carton_wire.values.as_tensor` made."""
    is_nested = isinstance(tensor, NestedTensor)
    shape = [array.shape for array in tensor] if isinstance(tensor, NestedTensor) else tensor.shape
    return [name, _wire_dtype(tensor.dtype), shape, int(is_nested), region, offset]


def flat_bytes(tensor: Tensor) -> memoryview:
    """A tensor's bytes; nothing plain is copied, unless it is so small that this is quicker."""
    if isinstance(tensor, NestedTensor):
        flat = np.concatenate([array.reshape(-1) for array in tensor])
    elif tensor.nbytes <= _SMALL:
        return memoryview(tensor.tobytes())
    else:
        flat = tensor.reshape(-1)
    return flat.view(np.uint8).data if flat.nbytes else memoryview(b"")


def slots_of(descriptors: Any) -> tuple[Slot, ...]:
    """The slots that a frame's descriptors stand for.

    Raises:
        WireError: a descriptor makes no sense.
    """
    slots = []
    offset = 0
    for descriptor in _list(descriptors):
        slot = _slot(descriptor)
        if slot.region == BODY:
            offset += -offset % ALIGNMENT
            slot = slot._replace(offset=offset)
            offset += slot.nbytes
        slots.append(slot)
    if len({slot.name for slot in slots}) < len(slots):
        raise WireError("two tensors of a frame have one name")
    return tuple(slots)


def body_size(slots: Sequence[Slot]) -> int:
    """The bytes that the tensors take in the frame's body."""
    return max((slot.offset + slot.nbytes for slot in slots if slot.region == BODY), default=0)


def views_of(slots: Sequence[Slot]) -> Views | None:
    """What `views` takes; `None` if some of the tensors are not in the body, or are more than views into it."""
    if not all(slot.is_plain and slot.region == BODY for slot in slots):
        return None
    return tuple((slot.name, slot.shapes[0], slot.dtype, slot.offset) for slot in slots)


def views(plan: Views, body: bytearray | memoryview) -> dict[str, Tensor]:
    """The tensors of a frame that has nothing but numbers in its body, as writable views into that."""
    tensors: dict[str, Tensor] = {}
    for name, shape, dtype, offset in plan:
        tensors[name] = np.ndarray(shape, dtype, body, offset)
    return tensors


def rebuild(
    slots: Sequence[Slot], body: memoryview, shared: Callable[[int, int, int], np.ndarray[Any, Any]]
) -> dict[str, Tensor]:
    """The tensors that a frame carries, whatever they are, as writable views into its body and into shared memory.

    Args:
        slots: from `slots_of`.
        body: the frame's body, of their `body_size`.
        shared: gives the memory of a region, an offset and a length.

    Raises:
        WireError: a slot does not fit the memory it names.
    """
    tensors: dict[str, Tensor] = {}
    for slot in slots:
        if slot.region == BODY:
            memory: Raw = body[slot.offset : slot.offset + slot.nbytes]
        else:
            memory = shared(slot.region, slot.offset, slot.nbytes)
        tensors[slot.name] = _tensor(slot, memory)
    return tensors


def _wire_dtype(dtype: np.dtype[Any]) -> str:
    return f"U{dtype.itemsize // 4}" if dtype.kind == "U" else dtype_name(dtype)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise WireError(f"the tensors of a frame are described by {type(value).__name__}, not a list")
    return value


def _slot(descriptor: Any) -> Slot:
    if not isinstance(descriptor, list) or len(descriptor) != 6 or not isinstance(descriptor[0], str):
        raise WireError(f"{descriptor!r} describes no tensor")
    name, dtype_text, shape, nested, region, offset = descriptor
    if not all(type(number) is int and number >= 0 for number in (nested, region, offset)):
        raise WireError(f"{descriptor!r} describes no tensor")
    shapes = tuple(_shape(item) for item in _list(shape)) if nested else (_shape(shape),)
    if len({len(shape) for shape in shapes}) != 1:
        raise WireError(f"nested tensor {name!r} has no inner tensors, or some of several ranks")
    dtype = _dtype(dtype_text)
    nbytes = sum(map(prod, shapes)) * dtype.itemsize
    is_plain = not nested and dtype.kind != "U" and nbytes > 0
    return Slot(name, dtype, shapes, bool(nested), region, offset, nbytes, is_plain)


def _dtype(text: Any) -> np.dtype[Any]:
    known = _BY_NAME.get(text) if isinstance(text, str) else None
    if known is not None:
        return known
    is_string = isinstance(text, str) and text[:1] == "U" and text[1:].isdecimal() and text.isascii()
    if is_string and len(text) <= 1 + _MOST_DIGITS:
        return np.dtype(f"<{text}")
    raise WireError(f"{text!r} is no dtype of the wire")


def _shape(shape: Any) -> tuple[int, ...]:
    is_shape = isinstance(shape, list) and len(shape) <= _MOST_AXES
    if not is_shape or not all(type(size) is int and size >= 0 for size in shape):
        raise WireError(f"{shape!r} is no shape")
    return tuple(shape)


def _tensor(slot: Slot, memory: Raw) -> Tensor:
    if slot.dtype.kind == "U" and not are_characters(memory):
        raise WireError(f"string tensor {slot.name!r} holds what is no character")
    if not slot.is_nested:
        return _array(slot, slot.shapes[0], memory, 0)
    arrays = []
    offset = 0
    for shape in slot.shapes:
        arrays.append(_array(slot, shape, memory, offset))
        offset += arrays[-1].nbytes
    return NestedTensor(arrays)


def _array(slot: Slot, shape: tuple[int, ...], memory: Raw, offset: int) -> np.ndarray[Any, Any]:
    try:
        if prod(shape) * slot.dtype.itemsize:
            return np.ndarray(shape, slot.dtype, memory, offset)
        return np.zeros(shape, slot.dtype)
    except (ValueError, OverflowError) as error:
        # Without elements nothing bounds the other sizes, and numpy refuses absurd ones; so it does shapes that
        # disagree.
        raise WireError(f"tensor {slot.name!r} of shape {shape}: {error}") from error
