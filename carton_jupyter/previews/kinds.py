"""What a preview is made of, as plain data: the panel's front end knows the same under the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import numpy as np

import carton_runtime as carton

Array = np.ndarray[Any, Any]
Value = Array | carton.NestedTensor

Kind = Literal[
    "value", "image", "mask", "audio", "text", "scores", "table", "line", "heatmap", "histogram", "statistics", "json",
    "nested",
]  # fmt: skip
Format = Literal["npy", "png", "wav"]
Editor = Literal["number", "text", "texts", "grid", "image", "audio", "file"]


class ValuePreview(TypedDict):
    """One number."""

    kind: Literal["value"]
    text: str
    more: str


class LegendEntry(TypedDict):
    """What a colour stands for."""

    color: str
    label: str


class PicturePreview(TypedDict):
    """A picture, or a grid of the first few of a batch; `width` and `height` are the blob's own pixels."""

    kind: Literal["image", "mask", "heatmap"]
    blob: str
    mime: str
    width: int
    height: int
    count: int
    low: str
    high: str
    legend: list[LegendEntry]
    more: str


class AudioPreview(TypedDict):
    """A sound to play, and pairs of its least and greatest values within -1..1."""

    kind: Literal["audio"]
    blob: str
    mime: str
    rate: int
    seconds: float
    peaks: list[float]
    more: str


class TextPreview(TypedDict):
    """Texts."""

    kind: Literal["text"]
    texts: list[str]
    more: str


class Bar(TypedDict):
    """One class; `fraction` is how long its bar is, within 0..1."""

    label: str
    value: str
    fraction: float


class ScoresPreview(TypedDict):
    """The classes with the greatest scores, the best one first."""

    kind: Literal["scores"]
    bars: list[Bar]
    more: str


class TablePreview(TypedDict):
    """Rows and columns."""

    kind: Literal["table"]
    columns: list[str]
    rows: list[list[str]]
    more: str


class Series(TypedDict):
    """One line: x0, y0, x1, y1, and so on."""

    name: str
    points: list[float]


class LinePreview(TypedDict):
    """Lines, and the ranges that they lie in."""

    kind: Literal["line"]
    series: list[Series]
    x: list[float]
    y: list[float]
    more: str


class HistogramPreview(TypedDict):
    """How many values lie where between `low` and `high`, in bins of one width."""

    kind: Literal["histogram"]
    counts: list[int]
    low: str
    high: str
    more: str


class StatisticsPreview(TypedDict):
    """Figures with their names."""

    kind: Literal["statistics"]
    rows: list[list[str]]
    more: str


class JsonPreview(TypedDict):
    """JSON, indented."""

    kind: Literal["json"]
    text: str
    more: str


class Part(TypedDict):
    """One tensor of a nested one."""

    shape: str
    text: str


class NestedPreview(TypedDict):
    """The parts of a nested tensor."""

    kind: Literal["nested"]
    rows: list[Part]
    more: str


Preview = (
    ValuePreview
    | PicturePreview
    | AudioPreview
    | TextPreview
    | ScoresPreview
    | TablePreview
    | LinePreview
    | HistogramPreview
    | StatisticsPreview
    | JsonPreview
    | NestedPreview
)


@dataclass(frozen=True)
class Blob:
    """Bytes that go beside a preview, or into a file."""

    mime: str
    data: bytes


@dataclass(frozen=True)
class Made:
    """A preview, and the blobs that it names by key."""

    view: Preview
    blobs: Mapping[str, Blob] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """How much of a value a preview may show.

    Attributes:
        pixels: the longer side of a picture.
        pictures: pictures of a batch.
        seconds: of a sound.
        rows: of a table, or parts of a nested tensor.
        columns: of a table.
        texts: texts.
        characters: of one text.
        bars: classes.
        points: points of a line, pairs of peaks, or bins.
    """

    pixels: int = 1024
    pictures: int = 9
    seconds: int = 120
    rows: int = 50
    columns: int = 20
    texts: int = 20
    characters: int = 10_000
    bars: int = 5
    points: int = 400


FULL = Room()
SMALL = Room(
    pixels=160, pictures=4, seconds=5, rows=3, columns=4, texts=2, characters=120, bars=3, points=40
)  # fmt: skip
