"""Pictures in the dtype and the layout that a model wants."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

import carton_runtime as carton
from carton_jupyter.previews.picture_files import read_picture
from carton_runtime import TensorSpec

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def file(picture: Any = PIXELS, kind: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(written, kind, **options)
    return written.getvalue()


def spec(dtype: str, shape: Any, said: str = "") -> TensorSpec:
    return TensorSpec("x", dtype, shape, said)


@pytest.mark.parametrize(
    ("shape", "order"),
    [
        (("h", "w", 3), PIXELS),
        ((3, "h", "w"), np.moveaxis(PIXELS, -1, 0)),
        ((1, "h", "w", 3), PIXELS[np.newaxis]),
        (("n", 3, None, None), np.moveaxis(PIXELS, -1, 0)[np.newaxis]),
        (None, PIXELS),
    ],
    ids=str,
)
def test_the_layout_is_the_spec_s(shape: Any, order: np.ndarray[Any, Any]) -> None:
    assert np.array_equal(read_picture("x.png", file(), spec("uint8", shape)), order)


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        ("RGB", 0, 1),
        ("RGB, 0..255", 0, 255),
        ("from 0 to 255", 0, 255),
        ("-1..1", -1, 1),
        ("in [-1, 1]", -1, 1),
        ("[0, 1]", 0, 1),
    ],
)
def test_floats_have_the_range_of_the_description(said: str, low: float, high: float) -> None:
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    found = read_picture("x.png", file(ends), spec("float32", ("h", "w", 3), said))
    assert found.dtype == np.float32
    assert (found.min(), found.max()) == (low, high)


def test_the_channels_are_the_spec_s() -> None:
    assert read_picture("x.png", file(), spec("uint8", ("h", "w", 1))).shape == (20, 30, 1)
    assert read_picture("x.png", file(), spec("uint8", ("h", "w"))).shape == (20, 30)
    assert (read_picture("x.png", file(), spec("uint8", ("h", "w", 4)))[..., 3] == 255).all()
    assert read_picture("x.png", file(PIXELS[..., 0]), spec("uint8", ("h", "w", 3))).shape == (20, 30, 3)


def test_a_fixed_size_is_kept_by_cropping_around_the_centre() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert (read_picture("x.png", file(wide), spec("uint8", (10, 10, 3))) == 255).all()
    assert read_picture("x.png", file(), spec("float32", (1, 3, 224, 224))).shape == (1, 3, 224, 224)
    assert read_picture("x.png", file(), spec("uint8", (10, "w", 3))).shape == (10, 15, 3)


def test_the_numbers_of_a_label_map_are_kept() -> None:
    labels = np.arange(600).reshape(20, 30) % 5
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette(list(range(255, 240, -1)))
    assert np.array_equal(read_picture("x.png", file(picture), spec("int32", ("h", "w"))), labels)


def test_sixteen_bits_are_kept_where_there_is_room() -> None:
    deep = (np.arange(600, dtype=np.uint16) * 109).reshape(20, 30)
    assert np.array_equal(read_picture("x.png", file(deep), spec("uint16", ("h", "w"))), deep)
    assert read_picture("x.png", file(deep), spec("float32", ("h", "w"))) == pytest.approx(deep / 65535)
    assert read_picture("x.png", file(deep), spec("uint8", ("h", "w", 3))).shape == (20, 30, 3)


def test_a_camera_s_picture_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    assert read_picture("x.jpg", file(kind="JPEG", exif=exif), None).shape == (30, 20, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_common_kinds_of_files_are_read(kind: str) -> None:
    assert read_picture("x", file(kind=kind), None).shape == (20, 30, 3)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("uint8", ("h",)), ("uint8", ("h", "w", 7)), ("string", ("h", "w", 3)), ("int8", ("h", "w", 3)), ("uint8", ())],
)
def test_an_input_that_is_no_picture_refuses_one(dtype: str, shape: Any) -> None:
    with pytest.raises(carton.InvalidTensorError, match=r"'x.png' cannot be put into 'x'.* give a \.npy"):
        read_picture("x.png", file(), spec(dtype, shape))


def test_floats_of_unknown_range_are_refused() -> None:
    picture = file(np.zeros((4, 4), np.float32), "TIFF")
    with pytest.raises(carton.InvalidTensorError, match="whose range it does not say"):
        read_picture("x.tif", picture, spec("float32", ("h", "w")))
