"""Tensors as files that other programs open."""

from __future__ import annotations

import io

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.choosing import kinds_of
from carton_jupyter.previews.encoding import png
from carton_jupyter.previews.hints import DEFAULT_RATE, rate_of
from carton_jupyter.previews.images import image
from carton_jupyter.previews.kinds import Array, Blob, Format, Room, Value
from carton_jupyter.previews.layouts import as_planes, layout_of
from carton_jupyter.previews.maps import heatmap, mask
from carton_jupyter.previews.sounds import channels_of, wav

_WHOLE = Room(pixels=8192)


def formats_of(value: Value, spec: carton.TensorSpec | None = None) -> list[Format]:
    """The formats that a tensor can be saved in; none for a nested one, which no .npy file holds."""
    if isinstance(value, carton.NestedTensor) or value.dtype.hasobject:
        return []
    best = kinds_of(value, spec)[0]
    if best in ("image", "mask", "heatmap"):
        return ["npy", "png"]
    return ["npy", "wav"] if best == "audio" else ["npy"]


def save(value: Value, spec: carton.TensorSpec | None, format: str) -> Blob:  # noqa: A002  # the panel's word for it
    """A tensor as a file.

    ``npy`` holds the tensor as it is, ``wav`` all of a sound in 16 bits, ``png`` the picture that its preview shows, or
    the first few of a batch, exactly and in full size as long as that is at most 8,192 pixels.

    Raises:
        InvalidTensorError: the format is not one of `formats_of`.
    """
    formats = formats_of(value, spec)
    if isinstance(value, carton.NestedTensor) or format not in formats:
        known = f"it can be saved as {', '.join(formats)}" if formats else "save its parts one by one"
        raise carton.InvalidTensorError(f"this tensor cannot be saved as .{format}; {known}")
    if format == "npy":
        return _npy(value)
    if format == "wav":
        return wav(np.asarray(channels_of(value)), rate_of(spec) or DEFAULT_RATE)
    return _png(value, spec)


def _npy(array: Array) -> Blob:
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    return Blob("application/x-npy", written.getvalue())


def _png(array: Array, spec: carton.TensorSpec | None) -> Blob:
    best = kinds_of(array, spec)[0]
    if best == "image":
        return png(image(array, str(layout_of(array.shape, spec)), _WHOLE)[0])
    array = as_planes(array, layout_of(array.shape, spec))
    return png(mask(array, _WHOLE, {})[0] if best == "mask" else heatmap(array, _WHOLE)[0])
