"""`NestedTensor`: a ragged tensor, a list of arrays that agree in everything but their sizes."""

from __future__ import annotations

import sys
from typing import Any, Iterable, Iterator, overload

import numpy as np


class NestedTensor:
    """Arrays of one dtype and one rank whose sizes may differ, as one tensor of one rank more.

    Args:
        arrays: the inner tensors, each of anything that `numpy.asarray` takes; at least one. Nested tensors do not
            nest.

    Raises:
        ValueError: no arrays, or arrays of several ranks.
        TypeError: arrays of several dtypes (strings of several lengths are one dtype), or a nested tensor among them.
    """

    __slots__ = ("_arrays",)

    def __init__(self, arrays: Iterable[Any]) -> None:
        self._arrays = _unified(list(arrays))

    @property
    def arrays(self) -> tuple[np.ndarray[Any, Any], ...]:
        """The inner tensors."""
        return self._arrays

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that all inner tensors share."""
        dtype: np.dtype[Any] = self._arrays[0].dtype
        return dtype

    @property
    def ndim(self) -> int:
        """The rank, counting the nesting as one axis."""
        return self._arrays[0].ndim + 1

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The sizes; `None` for an axis along which the inner tensors differ."""
        columns = zip(*(array.shape for array in self._arrays))
        inner = (sizes[0] if len(set(sizes)) == 1 else None for sizes in columns)
        return (len(self._arrays), *inner)

    @property
    def nbytes(self) -> int:
        """The bytes that the inner tensors' elements take."""
        return sum(array.nbytes for array in self._arrays)

    def tolist(self) -> list[Any]:
        """The values as nested Python lists."""
        return [array.tolist() for array in self._arrays]

    def __len__(self) -> int:
        return len(self._arrays)

    @overload
    def __getitem__(self, index: int) -> np.ndarray[Any, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> NestedTensor: ...

    def __getitem__(self, index: int | slice) -> np.ndarray[Any, Any] | NestedTensor:
        """One inner tensor, or a nested tensor of some; a slice of none raises `ValueError`."""
        return NestedTensor(self._arrays[index]) if isinstance(index, slice) else self._arrays[index]

    def __eq__(self, other: object) -> bool:
        """Whether both have the same dtype, shapes and values; as for numpy, NaN equals nothing."""
        if not isinstance(other, NestedTensor):
            return NotImplemented
        same_kind = _kind(self.dtype) == _kind(other.dtype) and len(self) == len(other)
        return same_kind and all(map(np.array_equal, self, other))

    __hash__ = None  # type: ignore[assignment]  # its arrays can change

    def __array__(self, *_: Any, **__: Any) -> Any:
        """Refuse: numpy would make an array of objects of it, or fail without a name."""
        raise TypeError(
            "a NestedTensor is ragged, which no numpy array can be; take its inner tensors: nested[0], or nested.arrays"
        )

    def __iter__(self) -> Iterator[np.ndarray[Any, Any]]:
        return iter(self._arrays)

    def __repr__(self) -> str:
        inner = ", ".join(str(array.tolist()) for array in self._arrays[:4])
        more = ", …" if len(self._arrays) > 4 else ""
        return f"NestedTensor([{inner}{more}], dtype={self.dtype})"


def refuse_masked(value: Any) -> None:
    """Raise `TypeError` for an array with masked values, which numpy would turn into what is below the mask."""
    # `np.ma` would be imported by its first use: a pause in the first call, and a lock that a fork may find taken.
    # Where it was never imported, or is only just being, there is no masked array.
    ma: Any = sys.modules.get("numpy.ma")
    if isinstance(value, getattr(ma, "MaskedArray", ())) and ma.is_masked(value):
        raise TypeError("a masked array is not a tensor, which has no place for its mask; fill it first: .filled(0)")


def _unified(values: list[Any]) -> tuple[np.ndarray[Any, Any], ...]:
    if not values:
        raise ValueError("a nested tensor needs at least one inner tensor")
    if any(isinstance(value, NestedTensor) for value in values):
        raise TypeError("nested tensors do not nest")
    for value in values:
        refuse_masked(value)
    arrays = [np.asarray(value) for value in values]
    if len({array.ndim for array in arrays}) > 1:
        raise ValueError(
            f"the inner tensors of a nested tensor must have one rank, not {sorted({array.ndim for array in arrays})}"
        )
    kinds = {_kind(array.dtype) for array in arrays}
    if len(kinds) > 1:
        raise TypeError(f"the inner tensors of a nested tensor must have one dtype, not {sorted(kinds)}")
    if kinds == {"U"}:
        widest = max((array.dtype for array in arrays), key=lambda dtype: dtype.itemsize)
        arrays = [array.astype(widest, copy=False) for array in arrays]
    return tuple(arrays)


def _kind(dtype: np.dtype[Any]) -> str:
    """What dtypes have in common that are one to us: strings of several lengths are."""
    return "U" if dtype.kind == "U" else dtype.str
