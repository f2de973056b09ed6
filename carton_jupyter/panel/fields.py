"""The inputs: what is in each field, where it came from, and whether it all fits together."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import carton_runtime as carton
from carton_jupyter.panel.desk import Desk
from carton_jupyter.panel.requests import RequestError
from carton_jupyter.presenter.panel_runs import FieldRow, inputs_state
from carton_jupyter.presenter.panel_view import FieldValue, InputsState, ProblemView, Source
from carton_jupyter.presenter.view import dtype_text, shape_text
from carton_jupyter.previews import Json, Preview, editor_of, from_typed, thumbnail, to_typed
from carton_runtime.checking import bind, to_tensor

_LABEL = 40  # characters


@dataclass(frozen=True)
class Origin:
    """Where a value can be had from again.

    Attributes:
        source: the kind of place.
        name: of the variable or the file.
        index: of the example.
    """

    source: Source
    name: str = ""
    index: int = 0


@dataclass(frozen=True, eq=False)
class Entry:
    """What is in a field.

    Attributes:
        value: the tensor; a variable's own array, and no copy of it.
        origin: where it came from first.
        source: how it came into the field.
        label: a line about it.
        typed: what can be edited; `None` for what is too large.
        preview: a small picture.
    """

    value: Any
    origin: Origin
    source: Source
    label: str
    typed: Json = None
    preview: Preview | None = None


class Fields:
    """The fields of one model, in the order of its specs.

    Args:
        specs: of its inputs.
        desk: what the parts share.
        on_edit: called when something but an example was put into a field.
    """

    def __init__(self, specs: Sequence[carton.TensorSpec], desk: Desk, on_edit: Callable[[], None]) -> None:
        self.specs = {spec.name: spec for spec in specs}
        self._desk = desk
        self._on_edit = on_edit
        self._entries: dict[str, Entry] = {}
        self._mistakes: dict[str, str] = {}
        self._revisions = dict.fromkeys(self.specs, 0)
        self._tickets = itertools.count()
        self._latest: dict[str, int] = {}

    def spec(self, name: str) -> carton.TensorSpec:
        """The spec of a field.

        Raises:
            RequestError: there is no such field.
        """
        if name not in self.specs:
            raise RequestError(f"there is no input {name!r}; there are {', '.join(self.specs) or 'none'}")
        return self.specs[name]

    @property
    def entries(self) -> dict[str, Entry]:
        """What is in the fields, in their order."""
        return {name: self._entries[name] for name in self.specs if name in self._entries}

    def inputs(self) -> dict[str, Any]:
        """The tensors to run on.

        Raises:
            InvalidTensorError: one is missing or does not fit; the message names the first.
        """
        for mistake in self._mistakes.values():
            raise carton.InvalidTensorError(mistake)
        tensors = {name: entry.value for name, entry in self.entries.items()}
        for name in self.specs.keys() - tensors.keys():
            raise carton.InvalidTensorError(f"input {name!r} is empty")
        for problem in bind(list(self.specs.values()), tensors).problems:
            raise carton.InvalidTensorError(str(problem))
        return tensors

    def type(self, name: str, value: Json) -> None:
        """Take what was typed; `None` empties the field."""
        spec = self.spec(name)
        if value is None:
            self.clear(name)
            return
        self._new_ticket(name)
        try:
            tensor = from_typed(value, spec)
        except carton.InvalidTensorError as error:
            self._entries.pop(name, None)
            self._mistakes[name] = str(error)
        else:
            self._put(name, Entry(tensor, Origin("typed"), "typed", _shortened(value), value))
        self._desk.blobs.replace(f"input {name}", {})
        self._edited()

    def clear(self, name: str) -> None:
        """Empty a field."""
        self.spec(name)
        self._new_ticket(name)
        self._entries.pop(name, None)
        self._mistakes.pop(name, None)
        self._desk.blobs.replace(f"input {name}", {})
        self._edited()

    async def put(self, name: str, value: Any, origin: Origin, label: str) -> None:
        """Take a value from elsewhere.

        Raises:
            InvalidTensorError: it is no tensor.
        """
        spec, ticket = self.spec(name), self._new_ticket(name)
        # In a thread, for a list may be long, or of objects that have code of their own.
        tensor = await asyncio.to_thread(to_tensor, name, value, spec.dtype)
        made = await asyncio.to_thread(thumbnail, tensor, spec, self._desk.blobs.new_key(f"input-{name}"))
        if self._latest[name] == ticket:  # else something newer came meanwhile
            self._desk.blobs.replace(f"input {name}", made.blobs)
            typed = None if isinstance(tensor, carton.NestedTensor) else to_typed(tensor)
            self._put(name, Entry(tensor, origin, origin.source, label, typed, made.view))
            self._revisions[name] += 1
            self._edited(is_example=origin.source == "example")

    def replay(self, entries: Mapping[str, Entry], label: str) -> None:
        """Put in what a run had."""
        for name, entry in entries.items():
            if name in self.specs:
                self._new_ticket(name)
                self._put(name, replace(entry, source="replay", label=label, preview=None))
                self._revisions[name] += 1
        self._edited()

    def state(self) -> InputsState:
        """The fields, and what symbols stand for."""
        bound = bind(list(self.specs.values()), {name: entry.value for name, entry in self.entries.items()})
        problems: dict[str, ProblemView] = {}
        for problem in bound.problems:
            problems.setdefault(problem.name, {"axis": problem.axis, "text": problem.text})
        for name, mistake in self._mistakes.items():
            problems[name] = {"axis": None, "text": mistake}
        rows = [self._row(spec, problems.get(spec.name)) for spec in self.specs.values()]
        return inputs_state(rows, bound.symbols, can_run=not problems and len(self._entries) == len(self.specs))

    def _row(self, spec: carton.TensorSpec, problem: ProblemView | None) -> FieldRow:
        entry = self._entries.get(spec.name)
        value = _value(entry) if entry is not None else None
        return FieldRow(spec, editor_of(spec), self._revisions[spec.name], value, problem)

    def _put(self, name: str, entry: Entry) -> None:
        self._entries[name] = entry
        self._mistakes.pop(name, None)

    def _new_ticket(self, name: str) -> int:
        self._latest[name] = next(self._tickets)
        return self._latest[name]

    def _edited(self, *, is_example: bool = False) -> None:
        if not is_example:
            self._on_edit()
        self._desk.touch("inputs")


def _value(entry: Entry) -> FieldValue:
    return {
        "source": entry.source,
        "label": entry.label,
        "dtype": dtype_text(entry.value),
        "shape": shape_text(entry.value.shape),
        "typed": entry.typed,
        "preview": entry.preview,
    }


def _shortened(value: Json) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"
