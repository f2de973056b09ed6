"""Values of examples as something to look at: small pictures as data URIs, tensors as a line."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

import carton_runtime as carton
from carton_jupyter.presenter.cache_view import size_text
from carton_jupyter.previews import small_picture
from carton_jupyter.previews.wording import shape_text

LARGEST = 1 << 20
"""Bytes of a picture in a description: every copy of it is stored in the notebook."""

_FEW = 12
_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_ENDINGS = (".png", ".jpg", ".jpeg")


def is_picture(path: str) -> bool:
    """Whether a file's name says that it is a picture of a kind that cartons hold."""
    return path.lower().endswith(_ENDINGS)


def picture(data: bytes) -> str:
    """A picture as a data URI; empty when it is too large, or no picture after all."""
    kind = next((kind for magic, kind in _TYPES.items() if data.startswith(magic)), None)
    return _uri(data, kind) if kind is not None and len(data) <= LARGEST else ""


def thumbnail(data: bytes) -> str:
    """A small version of a picture as a data URI; empty when `data` is none."""
    small = small_picture(data)
    return _uri(small.data, small.mime) if small is not None else ""


def value_text(value: carton.LazyTensor | carton.MiscFile) -> str:
    """A line about a value: what a small tensor holds if that is at hand, else what kind it is."""
    if isinstance(value, carton.MiscFile):
        return "file" if value.size is None else f"file, {size_text(value.size)}"
    if value.is_at_hand and is_small(value):
        return tensor_text(value.get_blocking())
    return _kind_text(value.dtype or "tensor", value.shape)


def tensor_text(tensor: np.ndarray[Any, Any] | carton.NestedTensor) -> str:
    """A line about a tensor: what a small one holds, and what kind it is."""
    kind = _kind_text("string" if tensor.dtype.kind == "U" else tensor.dtype.name, tensor.shape)
    is_whole = isinstance(tensor, np.ndarray) and _is_few(tensor.shape)
    return f"{_listed(tensor.tolist())} {kind}" if is_whole else kind


def _kind_text(dtype: str, shape: tuple[int | None, ...] | None) -> str:
    return f"{dtype} {shape_text(shape)}" if shape else dtype


def is_small(tensor: carton.LazyTensor) -> bool:
    """Whether a tensor has so few values that all of them are shown."""
    return tensor.shape is not None and _is_few(tensor.shape)


def _is_few(shape: tuple[int | None, ...]) -> bool:
    return None not in shape and _count(shape) <= _FEW


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_listed, value)) + "]"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _count(shape: tuple[int | None, ...]) -> int:
    count = 1
    for size in shape:
        count *= size or 0
    return count


def _uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
