"""Tensors from files that people drop: arrays, tables, pictures, sounds and texts."""

from __future__ import annotations

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.csv_files import read_csv, read_text
from carton_jupyter.previews.fitting import fitted
from carton_jupyter.previews.kinds import Array
from carton_jupyter.previews.npy import MAGIC, read_npy
from carton_jupyter.previews.picture_files import read_picture
from carton_jupyter.previews.sound_files import is_wav, read_sound
from carton_jupyter.previews.strings import string_array

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"P4", b"P5", b"P6")
_PICTURE_NAMES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
_TABLE_NAMES = (".csv", ".tsv")


def decode(name: str, data: bytes, spec: carton.TensorSpec | None) -> Array:
    """The tensor that a file holds, for an input.

    Takes .npy (without pickle), .csv and .tsv, pictures, .wav, and .txt where texts are wanted: one text, or a line for
    each where the spec has one axis. What the file is, its bytes say, and its name where they do not.

    Args:
        name: the file's name.
        data: its bytes.
        spec: what the tensor is for; its dtype is what comes back.

    Raises:
        InvalidTensorError: the file is broken, or does not hold what the spec wants.
    """
    ending = name.lower()
    if data.startswith(MAGIC) or ending.endswith(".npy"):
        return fitted(read_npy(name, data), spec, repr(name))
    if is_wav(data) or ending.endswith(".wav"):
        return read_sound(name, data, spec)
    if ending.endswith(_TABLE_NAMES):
        return read_csv(name, data, spec)
    if ending.endswith(".txt") and spec is not None and spec.dtype == "string":
        return _texts(name, read_text(name, data), spec)
    if ending.endswith(_PICTURE_NAMES) or data.startswith(_PICTURES) or data[8:12] == b"WEBP":
        return read_picture(name, data, spec)
    raise carton.InvalidTensorError(f"{name!r} is of no kind that can be read; give .npy, .csv, a picture or .wav")


def _texts(name: str, text: str, spec: carton.TensorSpec) -> Array:
    if isinstance(spec.shape, tuple) and len(spec.shape) == 1:
        return string_array(text.splitlines() or [""], repr(name))
    return np.array(text)
