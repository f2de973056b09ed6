"""The states of a panel that are about runs: the inputs, the run that goes on, and those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import carton_runtime as carton
from carton_jupyter.presenter.failure_view import error_view
from carton_jupyter.presenter.panel_view import (
    Field,
    FieldValue,
    HistoryItem,
    HistoryState,
    InputsState,
    Outcome,
    ProblemView,
    RunPhase,
    RunState,
)
from carton_jupyter.presenter.view import duration_text, shape_text, spec_view
from carton_jupyter.previews import Editor

Sizes = int | tuple[int | None, ...]


@dataclass(frozen=True)
class FieldRow:
    """What a field is made of.

    Attributes:
        spec: of its input.
        editor: what it is edited with.
        revision: grows when its value comes from elsewhere than the keyboard.
        value: what is in it.
        problem: why that does not fit.
    """

    spec: carton.TensorSpec
    editor: Editor
    revision: int
    value: FieldValue | None
    problem: ProblemView | None


@dataclass(frozen=True)
class RunView:
    """What there is to say about a run.

    Attributes:
        phase: where it stands.
        number: which run it is.
        started: when, in seconds since 1970.
        seconds: how long it took, once it is over.
        ahead: how many calls the model has to answer before.
        items: how many results came.
        error: why it failed.
    """

    phase: RunPhase = "idle"
    number: int = 0
    started: float | None = None
    seconds: float | None = None
    ahead: int = 0
    items: int = 0
    error: BaseException | None = None


def inputs_state(rows: Sequence[FieldRow], symbols: Mapping[str, Sizes], *, can_run: bool) -> InputsState:
    """The fields, and what symbols stand for."""
    return {
        "fields": [_field(row) for row in rows],
        "symbols": [{"name": name, "value": _sizes(sizes)} for name, sizes in symbols.items()],
        "can_run": can_run,
    }


def run_state(run: RunView) -> RunState:
    """The run that goes on, or the last one."""
    return {
        "phase": run.phase,
        "id": run.number,
        "started": run.started,
        "elapsed": run.seconds,
        "ahead": run.ahead,
        "items": run.items,
        "status": _status(run),
        "error": error_view(run.error) if run.error is not None else None,
    }


def outcome_text(status: Outcome, seconds: float, items: int = 1) -> str:
    """How a run ended: ``0.31 ms``, ``stopped after 0.9 s``."""
    took = duration_text(seconds)
    if status != "done":
        return f"{status} after {took}"
    return took if items <= 1 else f"{took}, {items:,} results"


def history_item(number: int, time: datetime, inputs: str, outcome: str, status: Outcome) -> HistoryItem:
    """One run that is over."""
    return {"id": number, "time": f"{time:%H:%M:%S}", "inputs": inputs, "outcome": outcome, "status": status}


def history_state(items: Sequence[HistoryItem], total: int) -> HistoryState:
    """The runs that are kept, given oldest first, of so many in all."""
    return {"items": list(reversed(items)), "total": total}


def _field(row: FieldRow) -> Field:
    view = spec_view(row.spec)
    return {**view, "editor": row.editor, "revision": row.revision, "value": row.value, "problem": row.problem}


def _sizes(sizes: Sizes) -> str:
    return str(sizes) if isinstance(sizes, int) else shape_text(sizes)


def _status(run: RunView) -> str:
    if run.phase == "queued":
        return f"waits for {run.ahead} call{'' if run.ahead == 1 else 's'} before it"
    if run.phase in ("running", "stopping"):
        return f"{run.phase} · {run.items:,} results" if run.items else run.phase
    if run.phase == "idle" or run.seconds is None:
        return ""
    if run.phase == "done":
        return f"done in {outcome_text('done', run.seconds, run.items)}"
    return f"{run.phase} after {duration_text(run.seconds)}"
