"""The runs before, with what went in and what came out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import carton_runtime as carton
from carton_jupyter.panel.fields import Entry
from carton_jupyter.panel.requests import RequestError
from carton_jupyter.presenter.panel_runs import history_item, history_state, outcome_text
from carton_jupyter.presenter.panel_view import HistoryState, Outcome

MOST_RUNS = 50
MOST_BYTES = 512 << 20
"""Of tensors that runs keep; the oldest runs go first."""


@dataclass(frozen=True, eq=False)
class Record:
    """One run that is over.

    Attributes:
        number: which run it was, from 1.
        time: when it began.
        seconds: how long it took.
        outcome: ``"done"``, ``"stopped"`` or ``"failed"``.
        inputs: the tensors that it ran on, by name: the very arrays, where variables of the notebook were used.
        outputs: the last result by name; `None` if there was none.
        items: how many results came.
        error: why it failed.
        entries: what was in the fields.
    """

    number: int
    time: datetime
    seconds: float
    outcome: Outcome
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] | None
    items: int
    error: BaseException | None
    entries: Mapping[str, Entry]

    def __repr__(self) -> str:
        inputs = " · ".join(f"{name} {entry.label}" for name, entry in self.entries.items())
        return f"<run {self.number}: {inputs}: {outcome_text(self.outcome, self.seconds, self.items)}>"


class History:
    """Of one panel, bounded."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque()
        self._total = 0

    @property
    def records(self) -> tuple[Record, ...]:
        """The runs that are kept, oldest first."""
        return tuple(self._records)

    def new_number(self) -> int:
        """The number of the next run."""
        self._total += 1
        return self._total

    def add(self, record: Record) -> None:
        """A run is over."""
        self._records.append(record)
        sizes = [_size(kept) for kept in self._records]
        while len(sizes) > 1 and (len(sizes) > MOST_RUNS or sum(sizes) > MOST_BYTES):
            self._records.popleft()
            sizes.pop(0)

    def find(self, number: int) -> Record:
        """A run.

        Raises:
            RequestError: it is not kept.
        """
        for record in self._records:
            if record.number == number:
                return record
        raise RequestError(f"run {number} is not kept any more")

    def state(self) -> HistoryState:
        """The runs, as they are shown."""
        items = [
            history_item(
                record.number,
                record.time,
                " · ".join(f"{name} {entry.label}" for name, entry in record.entries.items()),
                outcome_text(record.outcome, record.seconds, record.items),
                record.outcome,
            )
            for record in self._records
        ]
        return history_state(items, self._total)


def _size(record: Record) -> int:
    return sum(map(_bytes, (*record.inputs.values(), *(record.outputs or {}).values())))


def _bytes(value: Any) -> int:
    parts = value if isinstance(value, carton.NestedTensor) else [value]
    return sum(int(part.nbytes) for part in parts)
