"""Picture files that are broken, huge, or none."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import carton_runtime as carton
from carton_jupyter.previews.opening import file_thumbnail, open_picture, small_picture


def png(width: int, height: int, color: str = "red") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), color).save(written, "PNG")
    return written.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A small file whose header claims a large picture."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100))
    chunks = (head, b"IDAT" + body, b"IEND")
    framed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize("side", [10_001, 60_000])
def test_a_bomb_is_refused_before_it_is_unpacked(side: int) -> None:
    with pytest.raises(carton.InvalidTensorError, match=r"'x.png'"):
        open_picture("x.png", claiming(side, side))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_large_picture_is_told_how_large_it_may_be() -> None:
    with pytest.raises(
        carton.InvalidTensorError, match=r"^the picture 'x.png' has 10,001 × 10,000 pixels; at most 89,478,485 are read"
    ):
        open_picture("x.png", claiming(10_001, 10_000))


def test_a_broken_picture_is_refused() -> None:
    for size in (60, 10, 0):
        with pytest.raises(carton.InvalidTensorError, match=r"'x.png'"):
            open_picture("x.png", png(100, 100)[:size])


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"]),
    st.binary(min_size=1, max_size=12),
    st.integers(0, 400),
)
def test_a_picture_with_garbage_in_it_is_refused_with_words_or_shown(kind: str, noise: bytes, place: int) -> None:
    written = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(written, kind)
    data = written.getvalue()
    place %= len(data)
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow's, about what it puts right
            open_picture("x", data[:place] + noise + data[place + len(noise) :])
    except carton.InvalidTensorError as error:
        assert "'x'" in str(error)  # noqa: PT017  # some of it is a picture after all


def test_what_is_no_picture_is_refused_with_what_would_be() -> None:
    with pytest.raises(
        carton.InvalidTensorError, match=r"'x.txt' is no picture of a known kind; give one of PNG, JPEG"
    ):
        open_picture("x.txt", b"hello")


def test_a_picture_s_own_thumbnail_is_small() -> None:
    made = file_thumbnail(png(1600, 800), "7")
    assert made is not None
    assert made.view["kind"] == "image"
    assert (made.view["width"], made.view["height"]) == (160, 80)
    blob = small_picture(png(1600, 800))
    assert blob is not None
    assert np.asarray(Image.open(io.BytesIO(blob.data))).shape == (80, 160, 4)


def test_what_is_no_picture_has_no_thumbnail() -> None:
    assert file_thumbnail(b"hello", "7") is None
    assert small_picture(png(100, 100)[:50]) is None
    assert small_picture(claiming(60_000, 60_000)) is None
