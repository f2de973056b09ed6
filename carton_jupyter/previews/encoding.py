"""Pixels to the bytes of a picture file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from carton_jupyter.previews.kinds import Array, Blob

if TYPE_CHECKING:
    from PIL import Image

_EXACT = 1 << 18
"""Pixels up to which a preview keeps every one as it is; a larger one is encoded as JPEG, thirty times faster."""


def png(picture: Image.Image) -> Blob:
    """A picture as PNG: exact, and fast rather than small."""
    written = io.BytesIO()
    picture.save(written, "PNG", compress_level=1)
    return Blob("image/png", written.getvalue())


def quick(picture: Image.Image) -> Blob:
    """A picture in the format that shows it soonest."""
    if picture.mode not in ("RGB", "L") or picture.width * picture.height <= _EXACT:
        return png(picture)
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=92, subsampling=0)
    return Blob("image/jpeg", written.getvalue())


def picture_of(pixels: Array) -> Image.Image:
    """Pixels of uint8, [height, width] or [height, width, channels] with 1, 3 or 4 of them, as a picture."""
    from PIL import Image

    plain = np.ascontiguousarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)
    return Image.fromarray(plain)


def indexed(labels: Array, colors: Array) -> Image.Image:
    """A picture of few colours.

    Args:
        labels: which colour each pixel has, uint8 of [height, width].
        colors: uint8 of [up to 256, 4]: red, green, blue and opacity.
    """
    picture = picture_of(labels)
    picture.putpalette(np.ascontiguousarray(colors).tobytes(), "RGBA")
    return picture


def grid(tiles: list[Array], gap: int = 2, fill: int = 0) -> Array:
    """Pictures of one shape, side by side in rows, with gaps of the value `fill`."""
    columns = columns_of(len(tiles))
    if columns == 1:
        return tiles[0]
    height, width, *channels = tiles[0].shape
    rows = -(-len(tiles) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, *channels)
    whole = np.full(shape, fill, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        whole[top : top + height, left : left + width] = tile
    return whole


def columns_of(count: int) -> int:
    """How many pictures a grid of so many has in a row."""
    return int(np.ceil(np.sqrt(count)))
