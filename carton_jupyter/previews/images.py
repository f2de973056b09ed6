"""Pictures of pixels, whatever numbers stand for dark and bright."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from carton_jupyter.previews.encoding import columns_of, grid, picture_of
from carton_jupyter.previews.figures import figures_of, unit
from carton_jupyter.previews.kinds import Array, Room
from carton_jupyter.previews.layouts import as_nhwc
from carton_jupyter.previews.sampling import sample

if TYPE_CHECKING:
    from PIL import Image

_MOST_BYTES = 32 << 20
_MOST_NUMBERS = 4 << 20  # other numbers have to be converted first
_SLACK = 0.02  # what rounding, or a filter that overshoots, adds to a range


def image(array: Array, layout: str, room: Room) -> tuple[Image.Image, int]:
    """A picture, or the first few of a batch as a grid, and how many of them it shows.

    Args:
        array: pixels; of numbers that are not within 0..255, 0..1 or -1..1, the least is black and the greatest white.
        layout: the order of its axes, as `layout_of` tells it.
        room: how large and how many.
    """
    pictures = as_nhwc(array, layout)
    shown = pictures[: room.pictures]
    low, high = _range(shown)
    limit = max(1, room.pixels // columns_of(len(shown)))
    tiles = [_reduced(_bytes(_fewer(picture, limit), low, high), limit) for picture in shown]
    return picture_of(grid(tiles if len(tiles) == 1 else [_opaque(tile) for tile in tiles])), len(shown)


def _fewer(picture: Array, limit: int) -> Array:
    """Every so many-th pixel of a picture that would take long: what is left is averaged.

    Never fewer than `limit` along the longer side, but for a rounded step.
    """
    most = _MOST_BYTES if picture.dtype == np.uint8 else _MOST_NUMBERS
    longer = max(picture.shape[:2])
    step = math.ceil(max(1, math.sqrt(picture.size / most), longer / (16 * limit)))
    return picture[::step, ::step] if longer > limit else picture


def _bytes(picture: Array, low: float, high: float) -> Array:
    if picture.dtype == np.uint8:
        return picture
    levels = unit(picture.astype(np.result_type(picture.dtype, np.float32)), low, high)
    levels *= 255
    np.rint(levels, out=levels)
    np.fmax(levels, 0, out=levels)  # NaN becomes black
    return levels.astype(np.uint8)


def _range(pictures: Array) -> tuple[float, float]:
    """The numbers that stand for black and for white."""
    figures = figures_of(sample(pictures))
    low, high = figures.low, figures.high
    if low is None or high is None or pictures.dtype == np.uint8:
        return 0, 255
    if pictures.dtype.kind == "b":
        return 0, 1
    if pictures.dtype.kind != "f":
        return (0, 255) if low >= 0 and high <= 255 else (low, high)
    return _float_range(low, high)


def _float_range(low: float, high: float) -> tuple[float, float]:
    if low >= -_SLACK and high <= 1 + _SLACK:
        return 0, 1
    if low >= -1 - _SLACK and high <= 1 + _SLACK:
        return -1, 1
    return (0, 255) if low >= 0 and 2 < high <= 255 else (low, high)


def _reduced(pixels: Array, limit: int) -> Array:
    """The picture in at most so many pixels of height and width."""
    height, width = pixels.shape[:2]
    if max(height, width) <= limit:
        return pixels
    from PIL import Image

    scale = limit / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    smaller = np.asarray(picture_of(pixels).resize(size, Image.Resampling.BOX))
    return smaller.reshape(*smaller.shape[:2], pixels.shape[2])


def _opaque(pixels: Array) -> Array:
    """The picture with a channel for opacity, so that the gaps of a grid can be clear."""
    if pixels.shape[-1] == 4:
        return pixels
    colors = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return np.concatenate([colors, np.full((*pixels.shape[:2], 1), 255, np.uint8)], axis=2)
