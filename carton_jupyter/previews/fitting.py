"""Values in the dtype of a spec, where nothing is lost but digits."""

from __future__ import annotations

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.kinds import Array


def fitted(array: Array, spec: carton.TensorSpec | None, name: str) -> Array:
    """The array in the dtype of its spec; as it is where there is no spec.

    Args:
        array: numbers, booleans or strings.
        spec: what it is for.
        name: what the values came from, for the message.

    Raises:
        InvalidTensorError: text where numbers are wanted or the reverse, or a number that the dtype cannot hold.
    """
    if spec is None:
        return array
    if (array.dtype.kind == "U") != (spec.dtype == "string"):
        found = "text" if array.dtype.kind == "U" else "numbers"
        raise carton.InvalidTensorError(f"{name} holds {found}, {spec.name!r} wants {spec.dtype}")
    if spec.dtype == "string":
        return array
    with np.errstate(all="ignore"):  # what does not fit is seen below
        converted = array.astype(spec.dtype)
    kept = _kept(array, converted)
    if not kept.all():
        raise carton.InvalidTensorError(f"{name} holds {array[~kept].reshape(-1)[0]}, which {spec.dtype} cannot hold")
    return converted


def _kept(array: Array, converted: Array) -> Array:
    """Which values are still what they were."""
    if converted.dtype.kind == "f" and array.dtype.kind == "f":
        return np.asarray(np.isfinite(array) == np.isfinite(converted))
    if converted.dtype.kind == "f":  # integers beyond the digits of a float are rounded, which is what floats are for
        return np.asarray(np.isfinite(converted))
    if array.dtype.kind in "iub":
        return np.asarray(converted == array)
    limits = np.iinfo(converted.dtype)
    # 2.0 ** 63 and the like are the first floats beyond: the largest integers themselves are no floats
    inside = (array >= float(limits.min)) & (array < float(limits.max + 1))
    return np.asarray(inside & (np.floor(array) == array))
