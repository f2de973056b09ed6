"""Tensors to send, and what it means that they come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

SHAPES: Mapping[str, tuple[int, ...]] = {
    "0-d": (),
    "empty": (0,),
    "empty-inside": (2, 0, 4),
    "one": (1,),
    "row": (5,),
    "cube": (2, 3, 4),
}

_TEXTS = ("", "plain", "é ü ß", "日本語", "🙂", "two\nlines", '"quoted"\t\\')
_FLOATS = (0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"))


def sample(dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A tensor with the ends of its dtype in it, as far as there is room; `dtype` as ``carton.toml`` spells it."""
    return np.resize(_values(dtype), int(np.prod(shape))).reshape(shape)


def assert_same(found: Any, given: np.ndarray[Any, Any]) -> None:
    """The array is the one that was given, to the last bit."""
    assert isinstance(found, np.ndarray), f"an array was expected, not {type(found).__name__}"
    assert found.shape == given.shape
    if given.dtype.kind == "U":
        assert found.dtype.kind == "U"
        is_same = found.tolist() == given.tolist()
        assert is_same, f"{given} was given, and {found} came back"
        return
    assert found.dtype == given.dtype.newbyteorder("=")
    # Not inside the assert: of two megabytes that differ, pytest would look for a diff, for minutes where `CI` is set.
    is_same = found.tobytes() == given.astype(found.dtype).tobytes()
    assert is_same, f"{given} was given, and {found} came back"


def _values(dtype: str) -> np.ndarray[Any, Any]:
    if dtype == "string":
        return np.array(_TEXTS)
    if dtype.startswith("float"):
        info = np.finfo(dtype)
        return np.array([info.max, info.min, info.tiny, *_FLOATS], dtype)
    ends = np.iinfo(dtype)
    return np.array([ends.max, ends.min, 0, 1, 100], dtype)
