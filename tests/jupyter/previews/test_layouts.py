"""Which axis of a picture is which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from carton_jupyter.previews.layouts import as_nhwc, as_planes, from_hwc, layout_of
from carton_runtime import TensorSpec

LAYOUTS = ("HW", "HWC", "CHW", "NHW", "NHWC", "NCHW")


def spec(shape: Any, description: str = "") -> TensorSpec:
    return TensorSpec("x", "uint8", shape, description)


@pytest.mark.parametrize(
    ("sizes", "layout"),
    [
        ((20, 30), "HW"),
        ((20, 30, 3), "HWC"),
        ((20, 30, 4), "HWC"),
        ((3, 20, 30), "CHW"),
        ((1, 20, 30), "CHW"),
        ((4, 20, 30), "NHW"),
        ((16, 20, 30), "NHW"),
        ((2, 20, 30, 3), "NHWC"),
        ((2, 3, 20, 30), "NCHW"),
        ((2, 20, 30, 7), None),
        ((20,), None),
        ((2, 2, 20, 30, 3), None),
        ((), None),
    ],
    ids=str,
)
def test_sizes_tell(sizes: tuple[int, ...], layout: str | None) -> None:
    assert layout_of(sizes) == layout


@pytest.mark.parametrize(
    ("said", "layout"),
    [
        (spec(("h", "w", 3)), "HWC"),
        (spec(("height", "width", "channels")), "HWC"),
        (spec(("c", "h", "w")), "CHW"),
        (spec(("batch", "h", "w")), "NHW"),
        (spec((None, 3, None, None)), "NCHW"),
        (spec((None, None, None, 3)), "NHWC"),
        (spec(("batch", "channels", "h", "w")), "NCHW"),
        (spec((None, None, None), "channels first"), "CHW"),
        (spec((None, None, None, None), "pixels in BCHW order"), "NCHW"),
        (spec((None, None, None)), "HWC"),
        (spec(("w", "batch")), None),
    ],
    ids=lambda value: str(value.shape) if isinstance(value, TensorSpec) else value,
)
def test_a_spec_tells_before_there_are_sizes(said: TensorSpec, layout: str | None) -> None:
    assert isinstance(said.shape, tuple)
    assert layout_of(said.shape, said) == layout


def test_words_decide_where_both_would_do() -> None:
    sizes = (3, 20, 3)
    assert layout_of(sizes) == "HWC"
    assert layout_of(sizes, spec(None, "CHW")) == "CHW"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_picture_comes_back_from_its_layout(layout: str) -> None:
    picture = np.arange(60).reshape(4, 5, 3)[..., : 3 if "C" in layout else 1]
    tensor = from_hwc(picture, layout)
    assert tensor.ndim == len(layout)
    assert np.array_equal(as_nhwc(tensor, layout)[0], picture)


def test_planes_have_height_and_width_last() -> None:
    assert as_planes(np.zeros((4, 5, 3)), "HWC").shape == (3, 4, 5)
    assert as_planes(np.zeros((2, 4, 5, 1)), "NHWC").shape == (2, 1, 4, 5)
    assert as_planes(np.zeros((4, 5, 7)), None).shape == (4, 5, 7)
