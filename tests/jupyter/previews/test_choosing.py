"""The first guess at what a tensor is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import carton_runtime as carton
from carton_jupyter.previews import kinds_of
from carton_runtime import TensorSpec

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (48, 64, 3)).astype(np.uint8)
LABELS = (np.arange(48)[:, np.newaxis] // 12 + np.zeros((48, 64))).astype(np.int32)


def spec(name: str, shape: Any = None, description: str = "") -> TensorSpec:
    return TensorSpec(name, "float32", shape, description)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.array(3.5), "value"),
        (np.zeros((1, 1)), "value"),
        (np.zeros((0, 3)), "statistics"),
        (NOISE, "image"),
        (np.moveaxis(NOISE, -1, 0), "image"),
        (NOISE[np.newaxis] / 255, "image"),
        (NOISE[..., 0], "image"),
        (NOISE[..., 0] / 255, "heatmap"),
        (LABELS, "mask"),
        (LABELS[np.newaxis, ..., np.newaxis], "mask"),
        (LABELS == 1, "mask"),
        (LABELS * 1000, "heatmap"),
        (RNG.normal(size=(1, 50, 60)), "heatmap"),
        (RNG.normal(size=(2, 3, 4, 50, 60)), "histogram"),
        (np.array([0.1, 0.2, 0.7], np.float32), "scores"),
        (np.array([[0.1, 0.2, 0.7]]), "scores"),
        (np.array([0.1, 0.2, 0.8]), "table"),
        (np.arange(12), "table"),
        (np.arange(13), "line"),
        (RNG.normal(size=(3, 500)), "line"),
        (RNG.normal(size=(500, 4)), "table"),
        (np.array("some text"), "text"),
        (np.array(["{}", "{}"]), "text"),
        (np.array('{"a": 1}'), "json"),
        (np.array(["[1, 2]"]), "json"),
        (np.array("[not json"), "text"),
        (carton.NestedTensor([[1.0], [2.0, 3.0]]), "nested"),
        (carton.NestedTensor([["a"], ["b", "c"]]), "nested"),
        (np.zeros(2, [("x", "f4")]), "table"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}{value.shape}",
)
def test_a_tensor_without_a_spec_is_guessed_from_its_values(value: Any, kind: str) -> None:
    assert kinds_of(value)[0] == kind


@pytest.mark.parametrize(
    ("value", "said", "kind"),
    [
        (RNG.random((48, 64)), spec("image"), "image"),
        (RNG.random((48, 64)), spec("y", description="a grey picture"), "image"),
        (RNG.random((48, 64)), spec("y", description="the attention for each image"), "heatmap"),
        (NOISE[..., 0], spec("image_mask"), "mask"),
        (NOISE[..., 0], spec("imageMask"), "mask"),
        (RNG.random(500), spec("waveform"), "audio"),
        (RNG.random(500), spec("y", description="Speech, 16 kHz"), "audio"),
        (RNG.integers(-9, 9, (2, 500)).astype(np.int16), spec("audio"), "audio"),
        (RNG.normal(size=(4, 10)), spec("logits"), "scores"),
        (RNG.random(7), spec("classProbabilities"), "scores"),
        (RNG.random((30, 40)), spec("boxes"), "table"),
        (RNG.random(5), spec("loss"), "line"),
        (np.array(3.5), spec("image"), "value"),
        (np.array(["a"]), spec("scores"), "text"),
        (RNG.random(5), spec("audio"), "table"),
    ],
    ids=lambda value: getattr(value, "name", value) if not isinstance(value, np.ndarray) else str(value.shape),
)
def test_a_spec_tells_what_the_values_do_not(value: Any, said: TensorSpec, kind: str) -> None:
    assert kinds_of(value, said)[0] == kind


def test_the_alternatives_stay_in_one_order() -> None:
    plain, named = kinds_of(NOISE[..., 0]), kinds_of(NOISE[..., 0], spec("mask"))
    assert set(plain) == set(named)
    assert [kind for kind in named if kind != "mask"] == [kind for kind in plain if kind != "mask"]


def test_colours_are_no_labels() -> None:
    assert "mask" not in kinds_of(NOISE)


def test_a_symbol_tells_what_an_axis_is() -> None:
    value = RNG.random((20, 30, 3)).astype(np.float32)
    assert "image" in kinds_of(value, spec("y", ("height", "width", "channels")))
    assert "image" not in kinds_of(value, spec("y", ("c", "time", "batch")))
