"""Pictures of arrays have the pixels of the array."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carton_jupyter.previews import preview, thumbnail
from carton_jupyter.previews.kinds import Made
from carton_runtime import TensorSpec

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (24, 32, 3)).astype(np.uint8)
NAMED = TensorSpec("image", "float32", None)


def pixels(made: Made) -> np.ndarray[Any, Any]:
    view = made.view
    assert view["kind"] == "image"
    picture = Image.open(io.BytesIO(made.blobs[view["blob"]].data))
    assert (picture.size, Image.MIME[str(picture.format)]) == ((view["width"], view["height"]), view["mime"])
    return np.asarray(picture)


def shown(array: np.ndarray[Any, Any], spec: TensorSpec | None = NAMED) -> np.ndarray[Any, Any]:
    return pixels(preview(array, spec, "image", key="k"))


@pytest.mark.parametrize(
    "array",
    [
        PICTURE,
        np.moveaxis(PICTURE, -1, 0),
        PICTURE[np.newaxis],
        np.moveaxis(PICTURE, -1, 0)[np.newaxis],
        PICTURE.astype(">i8"),
        PICTURE.astype(np.float32),
        (PICTURE / 255).astype(np.float64),
        np.asfortranarray(PICTURE),
        np.repeat(PICTURE, 2, axis=1)[:, ::2],
    ],
    ids=["HWC", "CHW", "NHWC", "NCHW", "big endian", "0 to 255", "0 to 1", "Fortran", "strided"],
)
def test_a_small_picture_is_shown_exactly(array: np.ndarray[Any, Any]) -> None:
    assert np.array_equal(shown(array), PICTURE)


def test_floats_below_zero_are_dark() -> None:
    array = np.full((20, 20), -1.0)
    array[0], array[1] = 1, 0
    assert shown(array)[:3, 0].tolist() == [255, 128, 0]


def test_other_numbers_are_stretched() -> None:
    array = np.linspace(-1000, 3000, 400).reshape(20, 20)
    assert (shown(array).min(), shown(array).max()) == (0, 255)
    deep = (np.arange(400, dtype=np.uint16) * 100).reshape(20, 20)
    assert (shown(deep).min(), shown(deep).max()) == (0, 255)


def test_what_is_not_finite_is_black_or_white() -> None:
    array = np.full((20, 20), 0.5, np.float32)
    array[0, :3] = np.nan, np.inf, -np.inf
    assert shown(array)[0, :4].tolist() == [0, 255, 0, 128]


def test_one_channel_is_grey_and_four_are_clear() -> None:
    assert shown(PICTURE[..., :1]).shape == (24, 32)
    clear = np.concatenate([PICTURE, PICTURE[..., :1]], axis=2)
    assert np.array_equal(shown(clear), clear)


def test_a_batch_is_a_grid_of_its_first_pictures() -> None:
    made = preview(np.repeat(PICTURE[np.newaxis], 64, axis=0), None, "image", key="k")
    grid = pixels(made)
    assert grid.shape == (3 * 24 + 4, 3 * 32 + 4, 4)
    assert np.array_equal(grid[26:50, 34:66, :3], PICTURE)
    assert grid[24, 0, 3] == 0, "the gaps are clear"
    assert made.view["more"] == "the first 9 of 64 pictures"


def test_a_batch_is_stretched_as_a_whole() -> None:
    batch = np.stack([np.full((20, 20), level) for level in (-10.0, 10.0)])[..., np.newaxis]
    grid = shown(batch)
    assert (grid[0, 0, 0], grid[0, -1, 0]) == (0, 255)


def test_a_large_picture_is_made_smaller() -> None:
    made = preview(np.zeros((4000, 2000, 3), np.uint8), None, "image", key="k")
    assert pixels(made).shape == (1024, 512, 3)
    assert made.view["kind"] == "image"
    assert made.view["mime"] == "image/jpeg"


def test_making_it_smaller_averages() -> None:
    board = (np.indices((2048, 2048)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert set(np.unique(shown(board))) <= {127, 128}


@pytest.mark.parametrize("shape", [(2, 5_000_000), (5_000_000, 2), (3000, 3000)])
def test_a_picture_of_any_proportions_fits(shape: tuple[int, int]) -> None:
    array = np.broadcast_to(np.float32(0.5), shape)
    assert max(shown(array).shape) == 1024


def test_a_thumbnail_is_small() -> None:
    made = thumbnail(np.zeros((400, 800, 3), np.uint8), None, "k")
    assert pixels(made).shape == (80, 160, 3)
