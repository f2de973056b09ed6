"""Pictures from files in the dtype and the layout of a spec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.kinds import Array
from carton_jupyter.previews.layouts import from_hwc, layout_of
from carton_jupyter.previews.opening import open_picture

if TYPE_CHECKING:
    from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_UP_TO_255 = re.compile(r"\b0(?:\.0)?\s*(?:\.\.+|-|–|…|to|,)\s*255\b", re.IGNORECASE)
_FROM_MINUS_1 = re.compile(r"[-−]1(?:\.0)?\s*(?:\.\.+|–|…|to|,)\s*\+?1\b", re.IGNORECASE)


def read_picture(name: str, data: bytes, spec: carton.TensorSpec | None) -> Array:
    """A picture as a tensor: uint8 and other integers 0..255, floats 0..1 unless the description says 0..255 or -1..1.

    Cropped around its centre where the spec fixes height and width. The axes are height, width, channels where the spec
    says nothing.

    Raises:
        InvalidTensorError: the file is no picture, or the spec is not one of pictures.
    """
    layout = _layout(name, spec)
    picture = open_picture(name, data)
    sizes = _sizes(spec, layout)
    if spec is not None and picture.mode == "P" and "C" not in layout and spec.dtype not in ("float32", "float64"):
        return from_hwc(np.asarray(_sized(picture, sizes, exact=True))[..., np.newaxis], layout).astype(spec.dtype)
    if picture.mode.startswith(("I", "F")):
        return from_hwc(_deep(name, _sized(picture, sizes, exact=True), spec, sizes), layout)
    mode = _MODES.get(sizes.get("C") or 3, "RGB") if "C" in layout else "L"
    pixels = np.asarray(_sized(picture.convert(mode), sizes))
    return from_hwc(_scaled(pixels.reshape(*pixels.shape[:2], -1), 255, spec), layout)


def _layout(name: str, spec: carton.TensorSpec | None) -> str:
    if spec is None or not isinstance(spec.shape, tuple):
        layout: str | None = "HWC"
    else:
        layout = layout_of(spec.shape, spec)
    if layout is None or (spec is not None and spec.dtype in ("string", "int8")):
        what = f"{spec.name!r}, which is {spec.dtype} of {spec.shape}" if spec is not None else "this input"
        raise carton.InvalidTensorError(f"the picture {name!r} cannot be put into {what}; give a .npy file")
    return layout


def _sizes(spec: carton.TensorSpec | None, layout: str) -> dict[str, int]:
    """The sizes that a spec fixes, by the letters of the layout."""
    shape = spec.shape if spec is not None and isinstance(spec.shape, tuple) else ()
    return {letter: size for letter, size in zip(layout, shape, strict=False) if isinstance(size, int) and size > 0}


def _sized(picture: Image.Image, sizes: dict[str, int], *, exact: bool = False) -> Image.Image:
    """The picture in the height and width that are fixed, if any are."""
    from PIL import Image, ImageOps

    width, height = sizes.get("W", 0), sizes.get("H", 0)
    if (width or picture.width, height or picture.height) == picture.size:
        return picture
    width = width or max(1, round(picture.width * height / picture.height))
    height = height or max(1, round(picture.height * width / picture.width))
    method = Image.Resampling.NEAREST if exact else Image.Resampling.BICUBIC
    return ImageOps.fit(picture, (width, height), method)


def _deep(name: str, picture: Image.Image, spec: carton.TensorSpec | None, sizes: dict[str, int]) -> Array:
    """A picture of one channel with more than eight bits."""
    pixels = np.asarray(picture)[..., np.newaxis]
    if pixels.dtype.kind == "f":
        raise carton.InvalidTensorError(
            f"the picture {name!r} holds floats, whose range it does not say; give a .npy file"
        )
    if spec is not None and spec.dtype in ("uint16", "int32", "uint32", "int64", "uint64"):
        scaled = pixels.astype(spec.dtype)
    else:
        scaled = _scaled(np.clip(pixels, 0, 65535) / 257, 255, spec)
    return np.repeat(scaled, sizes.get("C", 1), axis=2)


def _scaled(pixels: Array, white: float, spec: carton.TensorSpec | None) -> Array:
    """Pixels within 0..255 in the dtype and the range of a spec."""
    dtype = spec.dtype if spec is not None else "uint8"
    if dtype not in ("float32", "float64"):
        return np.asarray(np.rint(pixels), dtype)
    said = spec.description or "" if spec is not None else ""
    if _UP_TO_255.search(said):
        return pixels.astype(dtype)
    scaled: Array = (pixels / np.dtype(dtype).type(white)).astype(dtype)
    return scaled * 2 - 1 if _FROM_MINUS_1.search(said) else scaled
