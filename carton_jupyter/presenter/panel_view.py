"""The state of a panel, region by region, as the front end gets it: plain JSON, and never a number that is not finite.

The front end has the same types; ``js/fixtures/panel.json`` is an instance that both sides test.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from carton_jupyter.presenter.view import ComparisonView, NamedView, TensorView
from carton_jupyter.previews import Editor, Format, Json, Kind, Preview

Source = Literal["typed", "file", "variable", "example", "replay"]
LoadPhase = Literal["card", "loading", "loaded", "failed", "unloaded"]
RunPhase = Literal["idle", "queued", "running", "stopping", "done", "stopped", "failed"]
ReportPhase = Literal["idle", "running", "done", "failed"]
Outcome = Literal["done", "stopped", "failed"]
Which = Literal["actual", "expected"]


class ErrorView(TypedDict):
    """What went wrong; `details` has many lines and is folded, empty when there are none."""

    title: str
    message: str
    hint: str
    details: str


class PlacedFile(TypedDict):
    """One file of a carton; `place` is empty for what is in the carton itself."""

    path: str
    size: str
    place: str


class CardState(TypedDict):
    """What a carton says about itself, and what runs it."""

    title: str
    summary: str
    license: str
    hash: str
    links: list[NamedView]
    platforms: list[str]
    runner: str
    reason: str
    size: str
    verified: str
    description_html: str
    inputs: list[TensorView]
    outputs: list[TensorView]
    files: list[PlacedFile]
    files_total: str


class LoadState(TypedDict):
    """Where the model is in its life; `fraction` of the present step is done."""

    phase: LoadPhase
    hint: str
    status: str
    fraction: float | None
    error: ErrorView | None


class ProblemView(TypedDict):
    """Why a value does not fit: along which axis, if it is one."""

    axis: int | None
    text: str


class FieldValue(TypedDict):
    """What is in a field; `typed` is what can be edited, `None` for what is too large."""

    source: Source
    label: str
    dtype: str
    shape: str
    typed: Json
    preview: Preview | None


class Field(TypedDict):
    """One input; `revision` grows whenever its value came from elsewhere than the keyboard."""

    name: str
    dtype: str
    shape: str
    description: str
    editor: Editor
    revision: int
    value: FieldValue | None
    problem: ProblemView | None


class SymbolView(TypedDict):
    """What a symbol of the specs stands for."""

    name: str
    value: str


class InputsState(TypedDict):
    """The inputs."""

    fields: list[Field]
    symbols: list[SymbolView]
    can_run: bool


class RunState(TypedDict):
    """The run that goes on, or the last one; times are in seconds, `started` since 1970."""

    phase: RunPhase
    id: int
    started: float | None
    elapsed: float | None
    ahead: int
    items: int
    status: str
    error: ErrorView | None


class Output(TypedDict):
    """One output, as one of the `kinds` of previews that there are for it."""

    name: str
    dtype: str
    shape: str
    description: str
    summary: str
    kind: Kind
    kinds: list[Kind]
    preview: Preview
    saves: list[Format]
    which: Which


class OutputsState(TypedDict):
    """What came out of a run, and what the example says should."""

    run: int
    example: str
    items: list[Output]
    expected: list[Output]


class ExampleValue(TypedDict):
    """One input of an example, as a line."""

    name: str
    text: str


class ExampleItem(TypedDict):
    """One example, with a small picture if there is one."""

    name: str
    description: str
    inputs: list[ExampleValue]
    preview: Preview | None
    has_outputs: bool


class ExamplesState(TypedDict):
    """The examples."""

    items: list[ExampleItem]
    more: str


class ReportState(TypedDict):
    """The self tests."""

    phase: ReportPhase
    names: list[str]
    passed: int
    total: int
    rows: list[ComparisonView]
    error: ErrorView | None


class KernelStrip(TypedDict):
    """The process of the model; `state` is empty when there is none, `spark` has the last calls in milliseconds."""

    state: str
    about: str
    memory: str
    calls: str
    latency: str
    spark: list[float]
    queued: int
    error: str


class HistoryItem(TypedDict):
    """One run that is over."""

    id: int
    time: str
    inputs: str
    outcome: str
    status: Outcome


class HistoryState(TypedDict):
    """The runs, newest first."""

    items: list[HistoryItem]
    total: int
