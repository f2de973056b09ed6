"""Label maps and heat maps, and what their colours stand for."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carton_jupyter.previews import preview
from carton_jupyter.previews.maps import _COLORS, _viridis
from carton_runtime import TensorSpec

LABELS = np.repeat(np.arange(4), 100).reshape(20, 20)


def shown(array: np.ndarray[Any, Any], kind: Any, spec: TensorSpec | None = None) -> tuple[Any, np.ndarray[Any, Any]]:
    made = preview(array, spec, kind, key="k")
    view = made.view
    assert view["kind"] in ("mask", "heatmap")
    return view, np.asarray(Image.open(io.BytesIO(made.blobs[view["blob"]].data)).convert("RGBA"))


def test_each_label_has_the_colour_of_its_legend() -> None:
    view, pixels = shown(LABELS, "mask")
    colors = ["#" + pixels[row, 0, :3].astype(np.uint8).tobytes().hex() for row in (0, 5, 10, 15)]
    assert [entry["color"] for entry in view["legend"]] == colors
    assert [entry["label"] for entry in view["legend"]] == [f"{label} · 25 %" for label in range(4)]


def test_a_label_has_its_colour_whatever_others_there_are() -> None:
    _, whole = shown(LABELS, "mask")
    _, part = shown(LABELS[10:], "mask")
    assert np.array_equal(whole[10:], part)


def test_labels_have_the_names_of_the_description() -> None:
    spec = TensorSpec("mask", "int32", None, "0 = sky, 1 = sea, 2 = land, 3 = snow")
    view, _ = shown(LABELS, "mask", spec)
    assert [entry["label"].split(" · ")[0] for entry in view["legend"]] == ["sky", "sea", "land", "snow"]


def test_truth_and_very_many_labels_are_masks_too() -> None:
    assert len(shown(LABELS > 1, "mask")[0]["legend"]) == 2
    view, pixels = shown(np.arange(400).reshape(20, 20) - 7, "mask")
    assert len(view["legend"]) == 16
    assert view["legend"][0]["label"].endswith("< 1 %")
    assert pixels[..., 3].min() == 255


def test_the_colours_differ_for_those_who_see_two_of_three() -> None:
    """Projected as Viénot has it for deuteranopes, the first eight are still far apart."""
    colors = np.array([list(bytes.fromhex(color[1:])) for color in _COLORS[:7]]) / 255
    project = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    seen = (colors**2.2) @ project.T
    distances = np.abs(seen[:, np.newaxis] - seen).max(axis=2)
    assert distances[~np.eye(7, dtype=bool)].min() > 0.04


def test_a_heat_map_goes_from_dark_to_bright() -> None:
    view, pixels = shown(np.linspace(-2, 2, 400).reshape(20, 20), "heatmap")
    assert (view["low"], view["high"]) == ("-2", "2")
    assert pixels[0, 0, :3].sum() < pixels[10, 0, :3].sum() < pixels[-1, -1, :3].sum()


def test_brightness_grows_all_the_way() -> None:
    brightness = _viridis()[:254, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -0.5).all()


def test_what_is_not_finite_is_grey_in_a_heat_map() -> None:
    array = np.ones((20, 20))
    array[0, :3] = np.nan, np.inf, -np.inf
    view, pixels = shown(array, "heatmap")
    assert pixels[0, :3, :3].tolist() == [[128] * 3] * 3
    assert (view["low"], view["high"]) == ("1", "1")


def test_a_heat_map_of_nothing_finite_has_no_range() -> None:
    view, _ = shown(np.full((20, 20), np.nan), "heatmap")
    assert (view["low"], view["high"]) == ("", "")


def test_the_heads_of_attention_are_a_grid() -> None:
    view, pixels = shown(np.zeros((1, 12, 64, 64)), "heatmap")
    assert (view["count"], view["more"]) == (12, "the first 9 of 12 pictures")
    assert pixels.shape[:2] == (3 * 64 + 4, 3 * 64 + 4)


def test_a_large_map_leaves_rows_and_columns_out_and_says_so() -> None:
    view, pixels = shown(np.broadcast_to(np.float32(1), (10_000, 5_000)), "heatmap")
    assert pixels.shape[:2] == (1000, 500)
    assert view["more"] == "1 in 10 rows and columns"


@pytest.mark.parametrize("kind", ["mask", "heatmap"])
def test_a_last_axis_of_one_channel_is_no_plane(kind: str) -> None:
    _, pixels = shown(LABELS[..., np.newaxis], kind)
    assert pixels.shape[:2] == (20, 20)
