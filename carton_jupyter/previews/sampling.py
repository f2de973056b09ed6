"""A few of very many values, from anywhere in an array, without touching the rest."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.kinds import Array, Value

_WHOLE = 2_000_000  # values that are all looked at
_MOST = 250_000  # of more: each is a miss of the cache
_MOST_BYTES = 16 << 20
_MOST_PARTS = 2_000


@dataclass(frozen=True)
class Sample:
    """Every so many-th value of an array.

    Attributes:
        values: the values, of one axis.
        step: one value of so many is among them; 1 when all are.
    """

    values: Array
    step: int

    @property
    def said(self) -> str:
        """What to tell whoever sees figures of it; empty when it is the whole."""
        return f"of a sample of 1 in {self.step:,}" if self.step > 1 else ""


def sample(value: Value, most: int | None = None) -> Sample:
    """About so many values, evenly spread; takes as long for any tensor, whatever its size and its strides.

    All of up to two million values, unless `most` says less.
    """
    most = most or (_WHOLE if size_of(value) <= _WHOLE else _MOST)
    return _of_array(value, most) if isinstance(value, np.ndarray) else _of_parts(value, most)


def size_of(value: Value) -> int:
    """How many values there are."""
    return value.size if isinstance(value, np.ndarray) else sum(array.size for array in value.arrays)


def _of_parts(value: carton.NestedTensor, most: int) -> Sample:
    """Values of some parts, as many of each."""
    some = value.arrays[:: -(-len(value) // _MOST_PARTS)]
    values = np.concatenate([_of_array(part, max(1, most // len(some))).values for part in some])
    return Sample(values, max(1, size_of(value) // max(1, values.size)))


def _of_array(array: Array, most: int) -> Sample:
    most = max(1, min(most, _MOST_BYTES // max(array.itemsize, 1)))
    step = _step(array, most)
    if step == 1:
        return Sample(array.reshape(-1), 1)
    if array.flags.c_contiguous:
        return Sample(array.reshape(-1)[::step], step)
    return Sample(array[np.unravel_index(np.arange(0, array.size, step), array.shape)], step)


def _step(array: Array, most: int) -> int:
    """The distance between values; prime to the sizes within, or else always the same columns would be seen."""
    least = -(-array.size // most)
    if least <= 1:
        return 1
    row = math.prod(set(array.shape[1:]))
    return next(step for step in itertools.count(least) if math.gcd(step, row) == 1)


def planes(array: Array, most: int) -> list[Array]:
    """The first few planes of an array's last two axes, as views."""
    leading = array.shape[:-2]
    if not leading:
        return [array]
    places = np.unravel_index(np.arange(min(most, plane_count(array))), leading)
    return [array[place] for place in zip(*places, strict=True)]


def plane_count(array: Array) -> int:
    """How many planes of its last two axes an array has."""
    return math.prod(array.shape[:-2])


def first(array: Array, count: int) -> Iterator[object]:
    """The first values in C order, as Python objects where there are such."""
    for value in array.flat[:count]:
        yield value.item() if isinstance(value, np.generic) and not isinstance(value, np.void) else value


def squeezed(array: Array, ndim: int) -> Array:
    """The array without leading axes of size 1, as long as it has more than `ndim`."""
    while array.ndim > ndim and array.shape[0] == 1:
        array = array[0]
    return array


def long_rows(array: Array, most: int) -> Array | None:
    """The array as a view of at most so many rows, [rows, values], along its longer axis; `None` where it is none.

    Takes [values], [rows, values] and [values, rows], each also with leading axes of size 1.
    """
    array = squeezed(array, 2)
    if array.ndim == 1:
        array = array[np.newaxis]
    if array.ndim != 2:
        return None
    rows = array.T if array.shape[0] > array.shape[1] else array
    return rows if rows.shape[0] <= most else None
