"""Files that other programs open."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import carton_runtime as carton
from carton_jupyter.previews import formats_of, save
from carton_runtime import TensorSpec

PICTURE = np.random.default_rng(0).integers(0, 256, (1500, 20, 3)).astype(np.uint8)
AUDIO = TensorSpec("audio", "float32", None)


@pytest.mark.parametrize(
    ("value", "spec", "formats"),
    [
        (PICTURE, None, ["npy", "png"]),
        (np.zeros((20, 20), bool), None, ["npy", "png"]),
        (np.zeros((20, 20)), None, ["npy", "png"]),
        (np.zeros(500), AUDIO, ["npy", "wav"]),
        (np.zeros(500), None, ["npy"]),
        (np.array("a"), None, ["npy"]),
        (carton.NestedTensor([[1]]), None, []),
        (np.array([None]), None, []),
    ],
)
def test_the_formats_are_those_of_what_it_is(value: Any, spec: TensorSpec | None, formats: list[str]) -> None:
    assert formats_of(value, spec) == formats


def test_a_picture_is_saved_in_full_size_and_exactly() -> None:
    saved = save(PICTURE, None, "png")
    assert saved.mime == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(saved.data))), PICTURE)


@pytest.mark.parametrize("array", [np.zeros((30, 40), bool), np.zeros((30, 40)), np.zeros((30, 40, 1), np.int32)])
def test_maps_are_saved_as_pictures(array: np.ndarray[Any, Any]) -> None:
    assert Image.open(io.BytesIO(save(array, None, "png").data)).size == (40, 30)


def test_a_format_that_does_not_suit_is_refused() -> None:
    with pytest.raises(carton.InvalidTensorError, match=r"cannot be saved as \.wav; it can be saved as npy, png"):
        save(PICTURE, None, "wav")
    with pytest.raises(carton.InvalidTensorError, match="save its parts one by one"):
        save(carton.NestedTensor([[1]]), None, "npy")
