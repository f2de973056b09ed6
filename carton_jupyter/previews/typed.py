"""Values that people type, as JSON, to tensors and back; and which editor they type into."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.hints import hints_of
from carton_jupyter.previews.kinds import Array, Editor, Kind
from carton_jupyter.previews.layouts import layout_of
from carton_jupyter.previews.sounds import SAMPLES
from carton_jupyter.previews.strings import string_array
from carton_jupyter.previews.wording import clean

Json = None | bool | int | float | str | list[Any] | dict[str, Any]

_MOST_VALUES = 400
_MOST_CHARACTERS = 100_000
_LARGEST_COLUMNS = 16
_EXACT = 2**53
"""Integers up to which JavaScript's numbers are exact."""


def editor_of(spec: carton.TensorSpec) -> Editor:
    """What a person makes a value with."""
    axes = len(spec.shape) if isinstance(spec.shape, tuple) else None
    if spec.dtype == "string":
        return "text" if axes in (0, None) else "texts" if axes == 1 else "file"
    if axes == 0:
        return "number"
    hints = hints_of(spec)
    if _is_picture(spec, hints):
        return "image"
    if hints[:1] == ["audio"] and axes in (1, 2, 3) and spec.dtype in SAMPLES:
        return "audio"
    return "grid" if _is_small(spec) else "file"


def from_typed(value: Json, spec: carton.TensorSpec) -> Array:
    """What was typed, as an array of the spec's dtype; its shape is that of the lists.

    Args:
        value: a number, a text, or nested lists of one shape. A number may be written as a text: ``"1e-3"``, ``"nan"``.
        spec: what it is for.

    Raises:
        InvalidTensorError: no number or no text, ragged lists, or a number that the dtype cannot hold.
    """
    shape = _shape(value, spec)
    leaves = list(_leaves(value))
    if spec.dtype == "string":
        return string_array([_text(leaf, spec) for leaf in leaves], repr(spec.name)).reshape(shape)
    numbers = [_number(leaf, spec) for leaf in leaves]
    return np.array(numbers, dtype=spec.dtype).reshape(shape)


def to_typed(array: Array) -> Json:
    """A small tensor as what could have been typed; `None` where it is too large for that.

    Numbers that JavaScript cannot hold are texts: ``"nan"``, ``"-inf"``, ``"18446744073709551615"``.
    """
    if array.size > _MOST_VALUES or array.ndim > 2:
        return None
    if array.dtype.kind == "U":
        if array.ndim > 1 or array.size * array.itemsize > 4 * _MOST_CHARACTERS:
            return None
        return _texts(array)
    if array.dtype.kind not in "iuf":
        return None
    values = [_typed(value) for value in array.reshape(-1)]
    return np.array(values, dtype=object).reshape(array.shape).tolist() if array.ndim else values[0]


def _is_picture(spec: carton.TensorSpec, hints: list[Kind]) -> bool:
    layout = layout_of(spec.shape, spec) if isinstance(spec.shape, tuple) else None
    if layout is None or not isinstance(spec.shape, tuple):
        return False
    sizes = dict(zip(layout, spec.shape, strict=True))
    if any(isinstance(sizes[side], int) and int(sizes[side] or 0) < 8 for side in "HW"):
        return False
    is_named = bool(hints) and hints[0] in ("image", "mask") and "heatmap" not in hints  # an attention mask is none
    return is_named or (isinstance(sizes.get("C"), int) and (spec.dtype == "uint8" or sizes["C"] == 3))


def _is_small(spec: carton.TensorSpec) -> bool:
    if not isinstance(spec.shape, tuple):
        return True
    fixed = [size for size in spec.shape if isinstance(size, int)]
    return len(spec.shape) <= 2 and math.prod(fixed) <= _MOST_VALUES and max(fixed, default=0) <= _LARGEST_COLUMNS


def _shape(value: Json, spec: carton.TensorSpec) -> tuple[int, ...]:
    """The shape of nested lists, all of which have to be alike."""
    if not isinstance(value, list):
        return ()
    shapes = {_shape(item, spec) for item in value}
    if len(shapes) > 1:
        raise carton.InvalidTensorError(f"the rows typed for {spec.name!r} are not alike; give each as many values")
    return (len(value), *next(iter(shapes), ()))


def _leaves(value: Json) -> Any:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _text(value: Json, spec: carton.TensorSpec) -> str:
    if not isinstance(value, str):
        raise carton.InvalidTensorError(f"{spec.name!r} wants text, not {_shown(value)}")
    return clean(value)


def _number(value: Json, spec: carton.TensorSpec) -> int | float:
    number = _written(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise carton.InvalidTensorError(f"{spec.name!r} wants a number, not {_shown(value)}")
    dtype = np.dtype(spec.dtype)
    if dtype.kind == "f":
        return _float(number, dtype, spec)
    limits = np.iinfo(dtype)
    if isinstance(number, float) and not number.is_integer():
        raise carton.InvalidTensorError(f"{spec.name!r} wants a whole number, not {_shown(value)}")
    if not limits.min <= number <= limits.max:
        raise carton.InvalidTensorError(
            f"{_shown(value)} does not fit {spec.name!r}: {spec.dtype} holds {limits.min} to {limits.max}"
        )
    return int(number)


def _float(number: float, dtype: np.dtype[Any], spec: carton.TensorSpec) -> float:
    largest = float(np.finfo(dtype).max)
    if largest < abs(number) != math.inf:
        raise carton.InvalidTensorError(
            f"{_shown(number)} does not fit {spec.name!r}: {spec.dtype} goes to {largest:.3g}"
        )
    return number


def _written(text: str) -> int | float | None:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _shown(value: Json) -> str:
    return "nothing" if value is None or value == "" else f"{value!r:.60}"


def _texts(array: Array) -> Json:
    texts: list[str] = array.reshape(-1).tolist()
    if any(clean(text) != text for text in texts):
        return None
    return texts if array.ndim else texts[0]


def _typed(value: np.generic) -> int | float | str:
    """A number, as a text where JavaScript has none that is the same."""
    if isinstance(value, np.integer):
        return int(value) if abs(int(value)) <= _EXACT else str(int(value))
    # The shortest text of a float32 is what people would type: 0.1, not 0.10000000149
    return float(str(value)) if math.isfinite(float(str(value))) else str(value)
