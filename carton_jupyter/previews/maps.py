"""Planes of numbers in colours that everybody can tell apart: label maps (masks) and heat maps."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from carton_jupyter.previews.encoding import columns_of, grid, indexed
from carton_jupyter.previews.figures import figures_of, unit
from carton_jupyter.previews.kinds import Array, LegendEntry, Room
from carton_jupyter.previews.sampling import Sample, plane_count, planes
from carton_jupyter.previews.wording import cut, percent_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

_GAP = 255  # the clear colour of every palette
_ODD = 254  # what is not finite, in a heat map
_LEGEND = 16

_BACKGROUND = "#2b2f36"
_COLORS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7",  # Okabe and Ito
    "#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77", "#cc6677", "#882255", "#aa4499",  # Tol, muted
)  # fmt: skip

# Viridis as a polynomial of degree six for red, green and blue (fitted by Matt Zucker, who gave it away)
_VIRIDIS = (
    (0.277727, 0.005407, 0.334100),
    (0.105093, 1.404614, 1.384590),
    (-0.330862, 0.214848, 0.095095),
    (-4.634230, -5.799101, -19.332441),
    (6.228270, 14.179933, 56.690553),
    (4.776385, -13.745145, -65.353033),
    (-5.435456, 4.645853, 26.312435),
)


def mask(array: Array, room: Room, names: Mapping[int, str]) -> tuple[Image.Image, int, list[LegendEntry]]:
    """Label maps in a colour for each label, how many of them, and what the colours stand for.

    Args:
        array: integers or booleans; the last two axes are height and width.
        room: how large and how many.
        names: of labels, by number.
    """
    shown = _shown(array, room)
    labels, counts = np.unique(np.stack(shown), return_counts=True)
    tiles = [(np.searchsorted(labels, plane) % _ODD).astype(np.uint8) for plane in shown]
    colors = np.zeros((256, 4), np.uint8)
    colors[: min(len(labels), _ODD)] = [_rgba(_color(int(label))) for label in labels[:_ODD]]
    most = np.argsort(-counts, kind="stable")[:_LEGEND]
    total = int(counts.sum())
    entries = [_entry(int(labels[place]), counts[place] / total, names) for place in sorted(most.tolist())]
    return indexed(grid(tiles, fill=_GAP), colors), len(shown), entries


def label_count(array: Array) -> int:
    """How many labels a map shows, at most."""
    return int(np.unique(np.stack(_shown(array, Room(pixels=256, pictures=1)))).size)


def heatmap(array: Array, room: Room) -> tuple[Image.Image, int, tuple[float, float] | None]:
    """Numbers as colours from dark (the least) to bright, how many planes, and the range; grey is not finite.

    Args:
        array: numbers; the last two axes are rows and columns.
        room: how large and how many.
    """
    shown = np.stack(_shown(array, room))
    figures = figures_of(Sample(shown.reshape(-1), 1))
    low, high = figures.low, figures.high
    known = (low, high) if low is not None and high is not None else None
    tiles = [_levels(plane.astype(np.float64), *(known or (0, 0))) for plane in shown]
    return indexed(grid(tiles, fill=_GAP), _viridis()), len(shown), known


def map_step(array: Array, room: Room) -> int:
    """Every how many-th row and column of a map is shown."""
    limit = max(1, room.pixels // columns_of(min(plane_count(array), room.pictures)))
    height, width = array.shape[-2:]
    step: int = -(-max(height, width) // limit)
    return max(1, step)


def _shown(array: Array, room: Room) -> list[Array]:
    step = map_step(array, room)
    return [plane[::step, ::step] for plane in planes(array, room.pictures)]


def _levels(plane: Array, low: float, high: float) -> Array:
    finite = np.isfinite(plane)
    levels = np.rint(unit(np.where(finite, plane, low), low, high) * (_ODD - 1))
    return np.where(finite, levels, _ODD).astype(np.uint8)


@cache
def _viridis() -> Array:
    place = np.linspace(0, 1, _ODD)[:, np.newaxis]
    colors = np.zeros((256, 4), np.uint8)
    curve = sum(np.array(factors) * place**power for power, factors in enumerate(_VIRIDIS))
    colors[:_ODD, :3] = np.rint(np.clip(curve, 0, 1) * 255)
    colors[:_ODD, 3] = 255
    colors[_ODD] = (128, 128, 128, 255)
    return colors


def _color(label: int) -> str:
    return _BACKGROUND if label == 0 else _COLORS[(label - 1) % len(_COLORS)]


def _rgba(color: str) -> tuple[int, int, int, int]:
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue, 255


def _entry(label: int, share: float, names: Mapping[int, str]) -> LegendEntry:
    name = cut(names[label], 80) if label in names else str(label)
    return {"color": _color(label), "label": f"{name} · {percent_text(share)}"}
