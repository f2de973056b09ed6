"""Picture files from anybody, opened without harm."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import carton_runtime as carton
from carton_jupyter.previews.encoding import png
from carton_jupyter.previews.kinds import SMALL, Blob, Made

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_MOST_PIXELS = 100_000_000


def open_picture(name: str, data: bytes, formats: tuple[str, ...] = _FORMATS) -> Image.Image:
    """The picture in a file, upright, with all its pixels loaded.

    Raises:
        InvalidTensorError: the bytes are no picture, a broken one, or one too large to touch.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is below
            picture = Image.open(io.BytesIO(data), formats=formats)
        _refuse_large(name, picture)
        picture.load()
        return ImageOps.exif_transpose(picture) or picture
    except UnidentifiedImageError:
        kinds = ", ".join(formats)
        raise carton.InvalidTensorError(f"{name!r} is no picture of a known kind; give one of {kinds}") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
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
    try:
        picture = open_picture("picture", data, formats=("PNG", "JPEG"))
    except carton.InvalidTensorError:
        return None  # it is shown by its name then
    picture.thumbnail((SMALL.pixels, SMALL.pixels * 3 // 4))
    return picture.convert("RGBA")


def _refuse_large(name: str, picture: Image.Image) -> None:
    if picture.width * picture.height > _MOST_PIXELS:
        raise carton.InvalidTensorError(
            f"the picture {name!r} has {picture.width:,} × {picture.height:,} pixels; "
            f"at most {_MOST_PIXELS:,} are read: make it smaller"
        )
