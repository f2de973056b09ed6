"""Picture files from anybody, opened without harm."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import carton_runtime as carton
from carton_jupyter.previews.encoding import png
from carton_jupyter.previews.kinds import SMALL, Blob, Made

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, struct.error)
"""How Pillow says that a file is broken."""


def open_picture(
    name: str, data: bytes, formats: tuple[str, ...] = _FORMATS, enough: tuple[int, int] | None = None
) -> Image.Image:
    """The picture in a file, upright, with its pixels loaded.

    Args:
        name: the file's name, for the message.
        data: its bytes.
        formats: the kinds of files to take.
        enough: the width and the height that will do; a JPEG is read faster then.

    Raises:
        InvalidTensorError: the bytes are no picture, a broken one, or one too large to touch.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
        _refuse_large(name, picture.size, Image.MAX_IMAGE_PIXELS)
        if enough is not None:
            picture.draft(None, enough)
        picture.load()
        return ImageOps.exif_transpose(picture) or picture
    except carton.InvalidTensorError:
        raise
    except UnidentifiedImageError:
        kinds = ", ".join(formats)
        raise carton.InvalidTensorError(f"{name!r} is no picture of a known kind; give one of {kinds}") from None
    except (*_BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise carton.InvalidTensorError(f"the picture {name!r} cannot be read: {error}") from error


def small_picture(data: bytes) -> Blob | None:
    """A small version of a PNG or JPEG file, as PNG; `None` when it is none."""
    made = _small(data)
    return png(made) if made is not None else None


def file_thumbnail(data: bytes, key: str) -> Made | None:
    """A small preview of a PNG or JPEG file; `None` when it is none."""
    picture = _small(data)
    if picture is None:
        return None
    blob, name = png(picture), f"{key}:thumbnail"
    return Made(
        {
            "kind": "image", "blob": name, "mime": blob.mime, "width": picture.width, "height": picture.height,
            "count": 1, "low": "", "high": "", "legend": [], "more": "",
        },
        {name: blob},
    )  # fmt: skip


def _small(data: bytes) -> Image.Image | None:
    size = SMALL.pixels, SMALL.pixels * 3 // 4
    try:
        picture = open_picture("picture", data, formats=("PNG", "JPEG"), enough=size)
    except carton.InvalidTensorError:
        return None  # it is shown by its name then
    picture.thumbnail(size)
    return picture.convert("RGBA")


def _refuse_large(name: str, size: tuple[int, int], most: int | None) -> None:
    """Raise for what Pillow only warns of: pixels take memory as soon as they are loaded."""
    if most is not None and size[0] * size[1] > most:
        raise carton.InvalidTensorError(
            f"the picture {name!r} has {size[0]:,} × {size[1]:,} pixels; at most {most:,} are read: make it smaller"
        )
