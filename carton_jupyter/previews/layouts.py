"""Which axes of a tensor are the height, the width, the channels and the batch of pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.kinds import Array

_LAYOUTS: dict[int, tuple[str, ...]] = {2: ("HW",), 3: ("HWC", "CHW", "NHW"), 4: ("NHWC", "NCHW")}
_STATED = re.compile(r"\b(NCHW|NHWC|BCHW|BHWC|CHW|HWC|NHW|HW)\b|channels?[ _-](first|last)", re.IGNORECASE)
_AXES = {
    "N": {"n", "b", "batch", "batches", "batch_size", "images", "frames"},
    "C": {"c", "ch", "channel", "channels"},
    "H": {"h", "height", "rows"},
    "W": {"w", "width", "cols", "columns"},
}
_LETTERS = {word: letter for letter, words in _AXES.items() for word in words}


def layout_of(sizes: Sequence[int | str | None], spec: carton.TensorSpec | None = None) -> str | None:
    """The layout of pictures, such as ``NCHW``, or `None` where the axes cannot be those of pictures.

    Args:
        sizes: the sizes of the axes; whatever is no number may be any.
        spec: the spec, whose symbols and description may tell.
    """
    fitting = [axes for axes in _LAYOUTS.get(len(sizes), ()) if _fits(axes, sizes)]
    letters = _letters(spec, len(sizes))
    fitting = [
        axes for axes in fitting if all(known in (None, axis) for known, axis in zip(letters, axes, strict=True))
    ]
    stated = _stated(spec)
    return max(fitting, key=lambda axes: (axes in stated, _certainty(axes, sizes, letters)), default=None)


def as_nhwc(array: Array, layout: str) -> Array:
    """Pictures as a view of four axes, in the order NHWC."""
    for axis, letter in ((0, "N"), (layout.find("C") if "C" in layout else len(layout), "C")):
        if letter not in layout:
            array = np.expand_dims(array, axis if letter == "N" else -1)
    return np.moveaxis(array, 1, -1) if layout in ("CHW", "NCHW") else array


def as_planes(array: Array, layout: str | None) -> Array:
    """The array as a view whose last two axes are height and width, where a layout tells which they are."""
    return np.moveaxis(array, -1, -3) if layout is not None and layout.endswith("C") else array


def from_hwc(picture: Array, layout: str) -> Array:
    """One picture of three axes (HWC) as a tensor of a layout."""
    if "C" not in layout:
        picture = picture[..., 0]
    elif layout.index("C") < layout.index("H"):
        picture = np.moveaxis(picture, -1, 0)
    return picture[np.newaxis] if "N" in layout else picture


def _fits(axes: str, sizes: Sequence[int | str | None]) -> bool:
    channels = sizes[axes.index("C")] if "C" in axes else 1
    # Four channels come last: a first axis of four is rather a batch of four
    known = (1, 3) if axes == "CHW" else (1, 3, 4)
    return not isinstance(channels, int) or channels in known


def _letters(spec: carton.TensorSpec | None, count: int) -> list[str | None]:
    """What the symbols of a spec say about each axis."""
    shape = spec.shape if spec is not None and isinstance(spec.shape, tuple) else ()
    if len(shape) != count:
        return [None] * count
    return [_LETTERS.get(size.lower()) if isinstance(size, str) else None for size in shape]


def _stated(spec: carton.TensorSpec | None) -> set[str]:
    """The layouts that a description allows, in words or by name."""
    found = _STATED.search(spec.description or "") if spec is not None else None
    if found is None:
        return set()
    if found[1]:
        return {found[1].upper().replace("B", "N")}
    return {"CHW", "NCHW"} if found[2].lower() == "first" else {"HWC", "NHWC"}


def _certainty(axes: str, sizes: Sequence[int | str | None], letters: Sequence[str | None]) -> int:
    has_channels = "C" in axes and isinstance(sizes[axes.index("C")], int)
    return has_channels + sum(letter is not None for letter in letters)
