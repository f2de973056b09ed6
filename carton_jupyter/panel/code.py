"""A run as Python that does the same, to be pasted into a cell."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import carton_runtime as carton
from carton_jupyter.panel.fields import Entry, Origin
from carton_jupyter.panel.subject import Subject, awaitable
from carton_jupyter.panel.variables import name_of
from carton_jupyter.presenter.view import dtype_text, form_text
from carton_runtime.storage.redact import redacted

_UNKNOWN = "model.carton"
_WIDEST = 70


def code(subject: Subject, entries: Mapping[str, Entry], namespace: Mapping[str, object]) -> str:
    """Python that runs the model on what is in the fields; it assigns ``outputs``, and ``model`` where it has to load.

    Args:
        subject: the model; by its variable's name where the notebook has one.
        entries: what is in the fields.
        namespace: the notebook's variables.
    """
    lines: list[str] = []
    given = subject.given
    name = name_of(namespace, given, awaitable(given))
    waits = not (name and isinstance(namespace[name], carton.sync.Carton))
    writer = _Writer(subject.info, name or "model", waits=waits)
    if not name:
        name = "model"
        writer.imports.add("import carton_runtime as carton")
        lines.extend(_loading(subject))
    values = [f"{key!r}: {writer.value(key, entry)}" for key, entry in entries.items()]
    lines.extend(writer.notes)
    lines.append(f"outputs = {'await ' * waits}{name}.infer({_dict(values)})")
    return "\n".join([*sorted(writer.imports), *([""] * bool(writer.imports)), *lines, ""])


def _loading(subject: Subject) -> Iterator[str]:
    location = subject.info.location
    shown = location or _UNKNOWN
    if "://" in shown:
        shown = redacted(shown)
    if location is None:
        yield "# The panel does not know where this model came from."
    elif shown != location:
        yield "# The address is written without user, password and query: add what of them it needs."
    yield f"model = await carton.load({shown!r})"


def _dict(items: Sequence[str]) -> str:
    """On one line where that is short."""
    line = f"{{{', '.join(items)}}}"
    return line if len(line) <= _WIDEST else "{\n" + "".join(f"    {item},\n" for item in items) + "}"


class _Writer:
    """Writes values as expressions, and knows what those need to import.

    Args:
        info: what the model's carton says.
        model: the variable of the model.
        waits: whether it is one to be awaited.
    """

    def __init__(self, info: carton.CartonInfo, model: str, *, waits: bool) -> None:
        self.imports: set[str] = set()
        self.notes: list[str] = []
        self._model = model
        self._waits = waits
        self._indices = {spec.name: index for index, spec in enumerate(info.inputs)}

    def value(self, name: str, entry: Entry) -> str:
        """What is in a field."""
        origin = entry.origin
        if origin.source == "variable" and origin.name:
            return origin.name
        if origin.source == "example":
            return self._of_example(name, origin)
        if entry.typed is not None:
            return self._literal(entry)
        return self._of_file(name, origin) if origin.source == "file" else self._unknown(name, entry)

    def _of_example(self, name: str, origin: Origin) -> str:
        stored = f"{self._model}.info.examples[{origin.index}].inputs[{name!r}]"
        if origin.name:
            return self._decoded(name, origin, self._awaited(stored, "read"))
        return self._awaited(stored, "get")

    def _unknown(self, name: str, entry: Entry) -> str:
        """A value that a cell gave under no name; Python refuses the line until there is one."""
        self.notes.append(f"# Put {form_text(entry.value)} in place of ..., which a cell gave for {name!r}.")
        return "..."

    def _of_file(self, name: str, origin: Origin) -> str:
        self.imports.add("from pathlib import Path")
        return self._decoded(name, origin, f"Path({origin.name!r}).read_bytes()")

    def _decoded(self, name: str, origin: Origin, data: str) -> str:
        self.imports.add("from carton_jupyter.previews import decode")
        spec = f"{self._model}.info.inputs[{self._indices[name]}]" if name in self._indices else "None"
        return f"decode({origin.name!r}, {data}, {spec})"

    def _awaited(self, stored: str, method: str) -> str:
        return f"await {stored}.{method}()" if self._waits else f"{stored}.{method}_blocking()"

    def _literal(self, entry: Entry) -> str:
        dtype, values = dtype_text(entry.value), entry.value.tolist()
        if dtype == "string" and entry.value.size:
            return repr(values)
        self.imports.add("import numpy as np")
        if not entry.value.size:
            return f"np.empty({entry.value.shape}, {'<U1' if dtype == 'string' else dtype!r})"
        return f"np.array({_written(values)}, {dtype!r})"


def _written(value: Any) -> str:
    """Numbers as Python; those that are not finite by their names."""
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
