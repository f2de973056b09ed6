"""Tensors as something to look at, and files and typed values as tensors: numpy and Pillow, no widget, no IPython.

`kinds_of` says how a tensor can be shown, `preview` shows it so: plain JSON, and blobs for pictures and sounds. Very
large tensors are sampled, so that none takes longer than a moment. `decode` and `from_typed` go the other way.
"""

from __future__ import annotations

from carton_jupyter.previews.choosing import kinds_of
from carton_jupyter.previews.kinds import Blob, Editor, Format, Kind, Made, Preview, Value
from carton_jupyter.previews.making import preview, summary, thumbnail
from carton_jupyter.previews.opening import file_thumbnail, small_picture
from carton_jupyter.previews.reading import decode
from carton_jupyter.previews.saving import formats_of, save
from carton_jupyter.previews.typed import Json, editor_of, from_typed, to_typed

__all__ = [
    "Blob",
    "Editor",
    "Format",
    "Json",
    "Kind",
    "Made",
    "Preview",
    "Value",
    "decode",
    "editor_of",
    "file_thumbnail",
    "formats_of",
    "from_typed",
    "kinds_of",
    "preview",
    "save",
    "small_picture",
    "summary",
    "thumbnail",
    "to_typed",
]
