"""Which kinds of previews a tensor can have, and which of them suits it best."""

from __future__ import annotations

import carton_runtime as carton
from carton_jupyter.previews.figures import NUMBERS, figures_of
from carton_jupyter.previews.hints import hints_of
from carton_jupyter.previews.kinds import Array, Kind, Value
from carton_jupyter.previews.layouts import as_planes, layout_of
from carton_jupyter.previews.lines import series_of
from carton_jupyter.previews.maps import label_count
from carton_jupyter.previews.sampling import sample, squeezed
from carton_jupyter.previews.scores import are_probabilities, row_of
from carton_jupyter.previews.sounds import channels_of
from carton_jupyter.previews.tables import is_table
from carton_jupyter.previews.texts import parsed

_SMALLEST_PICTURE = 16
"""Pixels of a side below which numbers are no picture unless somebody says so."""
_MOST_LABELS = 32
_FEWEST_SAMPLES = 64


def kinds_of(value: Value, spec: carton.TensorSpec | None = None) -> list[Kind]:
    """The kinds of previews that there can be, the best guess first."""
    if isinstance(value, carton.NestedTensor):
        return ["nested", "histogram", "statistics"] if value.dtype.kind in NUMBERS else ["nested", "statistics"]
    offered = _offered(value, spec)
    guesses = (kind for kind in [*hints_of(spec), _guess(value, spec), *offered] if kind in offered)
    best = next(guesses)
    return [best, *(kind for kind in offered if kind != best)]


def _offered(array: Array, spec: carton.TensorSpec | None) -> list[Kind]:
    if array.size == 0:
        return ["statistics"]
    if array.dtype.kind not in NUMBERS:
        return _offered_texts(array)
    if array.size == 1:
        return ["value", "table", "statistics"] if is_table(array) else ["value", "statistics"]
    possible: dict[Kind, bool] = {
        "image": _is_picture(array, spec),
        "mask": _has_planes(array, spec) and array.dtype.kind in "biu" and not _has_colors(array, spec),
        "heatmap": _has_planes(array, spec),
        "audio": _is_sound(array),
        "scores": row_of(array) is not None,
        "line": series_of(array) is not None,
        "table": is_table(array),
        "histogram": True,
        "statistics": True,
    }
    return [kind for kind, is_possible in possible.items() if is_possible]


def _offered_texts(array: Array) -> list[Kind]:
    if array.dtype.names:
        return ["table", "text", "statistics"]
    kinds: list[Kind] = ["json"] if parsed(array) is not None else []
    kinds.append("text")
    return [*kinds, "table", "statistics"] if is_table(array) and array.size > 1 else [*kinds, "statistics"]


def _guess(array: Array, spec: carton.TensorSpec | None) -> Kind | None:
    """What a tensor seems to be without a hint; `None` for whatever is offered first."""
    if array.dtype.kind not in NUMBERS or array.size <= 1:
        return None
    if are_probabilities(array) and squeezed(array, 1).ndim == 1:
        return "scores"
    plane = squeezed(array, 2)
    if plane.ndim == 1:
        return "table" if plane.size <= 12 else "line"
    if plane.ndim == 2 and (plane.size <= 64 or min(plane.shape) < _SMALLEST_PICTURE):
        return _guess_narrow(plane)
    return _guess_picture(array, spec)


def _guess_narrow(plane: Array) -> Kind:
    """Few columns are a table; few long rows are lines."""
    rows, columns = plane.shape
    if columns <= 12 or plane.size <= 64:
        return "table"
    return "line" if series_of(plane) is not None and rows < columns else "heatmap"


def _guess_picture(array: Array, spec: carton.TensorSpec | None) -> Kind:
    if _has_large_sides(array, spec):
        layout = str(layout_of(array.shape, spec))
        if _has_colors(array, spec) and array.dtype.kind in "fu":
            return "image"
        if array.dtype.kind in "biu" and _are_labels(as_planes(array, layout)):
            return "mask"
        if array.dtype.kind == "u" and array.itemsize == 1:
            return "image"
    return "heatmap" if _has_planes(array, spec) and squeezed(array, 2).ndim == 2 else "histogram"


def _has_large_sides(array: Array, spec: carton.TensorSpec | None) -> bool:
    layout = layout_of(array.shape, spec)
    return layout is not None and min(array.shape[layout.index(side)] for side in "HW") >= _SMALLEST_PICTURE


def _are_labels(array: Array) -> bool:
    """Whether integers look like numbers of classes: few, small and none below zero."""
    figures = figures_of(sample(array, 10_000))
    return figures.low in (0, 1) and (figures.high or 0) <= 255 and label_count(array) <= _MOST_LABELS


def _is_picture(array: Array, spec: carton.TensorSpec | None) -> bool:
    layout = layout_of(array.shape, spec)
    return layout is not None and min(array.shape[layout.index(side)] for side in "HW") > 1


def _has_planes(array: Array, spec: carton.TensorSpec | None) -> bool:
    return array.ndim >= 2 and min(as_planes(array, layout_of(array.shape, spec)).shape[-2:]) > 1


def _has_colors(array: Array, spec: carton.TensorSpec | None) -> bool:
    layout = layout_of(array.shape, spec) or ""
    return "C" in layout and array.shape[layout.index("C")] > 1


def _is_sound(array: Array) -> bool:
    channels = channels_of(array) if array.dtype.kind in "fi" else None
    return channels is not None and channels.shape[1] >= _FEWEST_SAMPLES
