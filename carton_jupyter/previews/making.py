"""One preview of one kind, and the few words beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews import figures, lines, scores, sounds, tables, texts
from carton_jupyter.previews.choosing import kinds_of
from carton_jupyter.previews.encoding import quick
from carton_jupyter.previews.hints import DEFAULT_RATE, are_logits, labels_of, numbered_labels, rate_of
from carton_jupyter.previews.images import image
from carton_jupyter.previews.kinds import FULL, SMALL, Array, Blob, Kind, LegendEntry, Made, Preview, Room, Value
from carton_jupyter.previews.layouts import as_planes, layout_of
from carton_jupyter.previews.maps import heatmap, map_step, mask
from carton_jupyter.previews.sampling import plane_count, sample, size_of
from carton_jupyter.previews.wording import first_text, joined, number_text

if TYPE_CHECKING:
    from PIL import Image

Spec = carton.TensorSpec | None


def preview(
    value: Value, spec: Spec, kind: Kind, *, key: str, labels: Sequence[str] | None = None, room: Room = FULL
) -> Made:
    """What to show of a tensor.

    Args:
        value: the tensor; neither changed nor kept.
        spec: what it should be, for its words.
        kind: one of `kinds_of(value, spec)`.
        key: what the blob's key begins with.
        labels: the names of classes, where another output has them; else the description may.
        room: how much to show.

    Raises:
        InvalidTensorError: the tensor cannot be shown so.
    """
    if kind not in kinds_of(value, spec):
        raise carton.InvalidTensorError(f"a tensor of shape {list(value.shape)} cannot be shown as {kind!r}")
    if isinstance(value, carton.NestedTensor):
        return Made(_of_nested(value, kind, room))
    if kind in _PICTURES:
        return _PICTURES[kind](value, spec, room, f"{key}:{kind}")
    if kind == "audio":
        return _audio(value, spec, room, f"{key}:{kind}")
    return Made(_of_array(value, spec, kind, room, labels))


def thumbnail(value: Value, spec: Spec, key: str) -> Made:
    """A small preview of the kind that suits a tensor best."""
    return preview(value, spec, kinds_of(value, spec)[0], key=f"{key}:thumbnail", room=SMALL)


def summary(value: Value) -> str:
    """A few words on the values: ``min 0 · max 255 · mean 141.2``; empty for a single number."""
    count = size_of(value)
    if count == 0:
        return "empty"
    if value.dtype.kind == "U":
        return figures.texts_summary(value)
    if value.dtype.kind not in figures.NUMBERS or count == 1:
        return ""
    return figures.figures_text(figures.figures_of(sample(value)))


def _of_nested(value: carton.NestedTensor, kind: Kind, room: Room) -> Preview:
    if kind == "nested":
        return texts.nested(value, room)
    return figures.histogram(value, room) if kind == "histogram" else figures.statistics(value)


def _of_array(array: Array, spec: Spec, kind: Kind, room: Room, labels: Sequence[str] | None) -> Preview:
    if kind == "scores":
        names = labels or labels_of(spec, array.shape[-1])
        return scores.scores(array, room, names, logits=are_logits(spec))
    if kind == "statistics":
        return figures.statistics(array)
    if kind == "value":
        return {"kind": "value", "text": number_text(array.reshape(-1)[0]), "more": ""}
    make: dict[Kind, Callable[[Array, Room], Preview]] = {
        "text": texts.text, "json": texts.json_text, "table": tables.table, "line": lines.line,
        "histogram": figures.histogram,
    }  # fmt: skip
    return make[kind](array, room)


def _image(array: Array, spec: Spec, room: Room, key: str) -> Made:
    layout = str(layout_of(array.shape, spec))
    picture, shown = image(array, layout, room)
    return _picture("image", key, picture, shown, array.shape[0] if "N" in layout else 1)


def _mask(array: Array, spec: Spec, room: Room, key: str) -> Made:
    array = as_planes(array, layout_of(array.shape, spec))
    picture, shown, legend = mask(array, room, numbered_labels(spec))
    return _picture("mask", key, picture, shown, plane_count(array), legend=legend)


def _heatmap(array: Array, spec: Spec, room: Room, key: str) -> Made:
    array = as_planes(array, layout_of(array.shape, spec))
    picture, shown, known = heatmap(array, room)
    ends = [number_text(end, 4) for end in known] if known else ["", ""]
    step = map_step(array, room)
    more = f"1 in {step:,} rows and columns" if step > 1 else ""
    return _picture("heatmap", key, picture, shown, plane_count(array), ends=(ends[0], ends[1]), more=more)


_PICTURES: dict[Kind, Callable[[Array, Spec, Room, str], Made]] = {"image": _image, "mask": _mask, "heatmap": _heatmap}


def _picture(
    kind: Literal["image", "mask", "heatmap"],
    key: str,
    picture: Image.Image,
    shown: int,
    count: int,
    *,
    legend: list[LegendEntry] | None = None,
    ends: tuple[str, str] = ("", ""),
    more: str = "",
) -> Made:
    blob = quick(picture)
    view: Preview = {
        "kind": kind, "blob": key, "mime": blob.mime, "width": picture.width, "height": picture.height, "count": count,
        "low": ends[0], "high": ends[1], "legend": legend or [],
        "more": joined(first_text(shown, count, "picture"), more),
    }  # fmt: skip
    return Made(view, {key: blob})


def _audio(array: Array, spec: Spec, room: Room, key: str) -> Made:
    channels = np.asarray(sounds.channels_of(array))
    rate = rate_of(spec) or DEFAULT_RATE
    shown = channels[:, : rate * room.seconds]
    blob: Blob = sounds.wav(shown, rate)
    seconds, whole = (round(part.shape[1] / rate, 3) for part in (shown, channels))
    return Made(
        {
            "kind": "audio", "blob": key, "mime": blob.mime, "rate": rate, "seconds": seconds,
            "peaks": sounds.peaks(shown, room.points // 2),
            "more": f"the first {seconds:,g} of {whole:,g} seconds" if seconds < whole else "",
        },
        {key: blob},
    )  # fmt: skip
