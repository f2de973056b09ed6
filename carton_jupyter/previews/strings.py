"""Texts as an array of strings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.kinds import Array

_MOST_BYTES = 1 << 28


def string_array(texts: Sequence[str], name: str) -> Array:
    """Texts as an array of one axis.

    Args:
        texts: the texts.
        name: where they come from, for the message.

    Raises:
        InvalidTensorError: one of many is so long that the array would not fit into memory: numpy gives each of its
            strings the room of the longest one.
    """
    longest = max(map(len, texts), default=0)
    if 4 * len(texts) * longest > _MOST_BYTES:
        raise carton.InvalidTensorError(
            f"{name} has {len(texts):,} texts of up to {longest:,} characters, too many for an array; give fewer"
        )
    return np.array(texts, dtype=f"<U{max(longest, 1)}")
