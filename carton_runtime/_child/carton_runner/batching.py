"""Several calls as one: their rows are put together, the model runs once, and each caller gets her own rows back.

When that fails, each call is run by itself: a caller hears of no error but her own, and the model may see a row twice.

A model asks for it by an attribute ``max_batch_size`` (rows) and, if it wants to wait for company, ``max_batch_delay``
(seconds). The axis is that of the batch symbol: the symbol that stands in the shape of every input and every output.
The host finds it and tells us.
"""

from __future__ import annotations

import time
from itertools import compress
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, NamedTuple

import numpy as np
from carton_wire.messages import Message
from carton_wire.nested import NestedTensor
from carton_wire.values import Tensor

from .api import UnfitModelError
from .failures import ANY

if TYPE_CHECKING:
    from .serve import Server


_LONGEST_DELAY = 3600  # seconds; who would wait for longer has mistaken the unit


class BatchPlan(NamedTuple):
    """How a model wants to be called.

    Attributes:
        size: rows at most.
        delay: seconds to wait for company.
        inputs: the batch axis of each input.
        outputs: the batch axis of each output.
    """

    size: int
    delay: float
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

    @classmethod
    def of(cls, model: Any, axes: Mapping[str, Any]) -> BatchPlan | None:
        """What the model declares; `None` for one that wants no batches.

        Raises:
            UnfitModelError: it declares nonsense.
        """
        size = getattr(model, "max_batch_size", None)
        delay = getattr(model, "max_batch_delay", 0.0)
        if size is None:
            return None
        is_number = isinstance(delay, (int, float)) and not isinstance(delay, bool)
        if type(size) is not int or size < 1 or not is_number or not 0 <= delay <= _LONGEST_DELAY:
            raise UnfitModelError(
                f"the model's max_batch_size is {size!r} and its max_batch_delay {delay!r}; they must be "
                f"a whole number of rows from 1 up, and a number of seconds from 0 to {_LONGEST_DELAY}"
            )
        return cls(size, float(delay), axes.get("inputs", {}), axes.get("outputs", {}))

    @property
    def is_possible(self) -> bool:
        """Whether there is an axis to batch along."""
        return bool(self.inputs and self.outputs)


class Batcher:
    """Gathers calls until there are enough, or the first has waited long enough. For the main thread."""

    def __init__(self, plan: BatchPlan, run: Callable[[Batch], None]) -> None:
        self._plan = plan
        self._run = run
        self._batch = Batch(plan)
        self._deadline = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether calls have been gathered."""
        return bool(self._batch.calls)

    def patience(self) -> float:
        """Seconds that the first of them may still wait."""
        return max(0.0, self._deadline - time.monotonic())

    def takes(self, message: Message) -> bool:
        """Whether a call can be put together with others."""
        is_plain = message.fields["handle"] is None and not message.fields["credit"]
        return (
            is_plain and message.tensors.keys() == self._plan.inputs.keys() and _rows(message, self._plan) is not None
        )

    def add(self, message: Message) -> None:
        """Gather a call that `takes` takes."""
        if not self._batch.fits(message):
            self.flush()
        if not self.is_waiting:
            self._deadline = time.monotonic() + self._plan.delay
        self._batch.add(message)
        if self._batch.rows >= self._plan.size:
            self.flush()

    def flush(self) -> None:
        """Run what has been gathered."""
        batch, self._batch = self._batch, Batch(self._plan)
        if batch.calls:
            self._run(batch)


class Batch:
    """Calls that run as one."""

    def __init__(self, plan: BatchPlan) -> None:
        self._plan = plan
        self.calls: list[tuple[int, int]] = []  # call, rows
        self._parts: list[dict[str, Any]] = []
        self._form: Any = None

    @property
    def rows(self) -> int:
        """Rows of all calls together."""
        return sum(rows for _, rows in self.calls)

    def fits(self, message: Message) -> bool:
        """Whether a call has the shapes and dtypes of those that are here, and is not too large for them."""
        rows = _rows(message, self._plan) or 0
        return not self.calls or (self._form == _form(message, self._plan) and self.rows + rows <= self._plan.size)

    def add(self, message: Message) -> None:
        """Take a call that fits."""
        self._form = _form(message, self._plan)
        self.calls.append((message.call, _rows(message, self._plan) or 0))
        self._parts.append(dict(message.tensors))
        message.tensors.clear()

    def run(self, server: Server) -> None:
        """Run the model once, on the rows of those who still wait, and answer each call; one by one if that fails."""
        wanted = [server.is_wanted(call) for call, _ in self.calls]
        self.calls = list(compress(self.calls, wanted))
        self._parts = list(compress(self._parts, wanted))
        # Not while its error is handled: the errors of single calls would tell of it as their context.
        if self.calls and not self._is_answered(server):
            for single in self._singles():
                single.run(server)

    def _is_answered(self, server: Server) -> bool:
        """Run the model; only several calls that failed together are left unanswered: it may be the fault of one."""
        try:
            outputs = server.infer_batch(tuple(call for call, _ in self.calls), self._joined())
            shares = self._split(outputs)
        except ANY as error:
            if len(self.calls) > 1:
                return False
            server.fail_batched(self.calls[0][0], error)
            return True
        self._parts.clear()
        for (call, _), share in zip(self.calls, shares):
            server.finish_batched(call, share)
        return True

    def _singles(self) -> Iterator[Batch]:
        while self.calls:
            single = Batch(self._plan)
            single.calls, single._parts = [self.calls.pop(0)], [self._parts.pop(0)]
            yield single

    def _joined(self) -> dict[str, Tensor]:
        if len(self._parts) == 1:
            return self._parts.pop()
        # A copy: the model may write into it, and the parts are as they were if the calls have to run one by one.
        axes = self._plan.inputs
        return {name: np.concatenate([part[name] for part in self._parts], axis) for name, axis in axes.items()}

    def _split(self, outputs: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        if len(self.calls) == 1:
            return [dict(outputs)]
        ends = np.cumsum([rows for _, rows in self.calls])[:-1]
        pieces = {name: self._pieces(name, tensor, ends) for name, tensor in outputs.items()}
        return [{name: piece[index] for name, piece in pieces.items()} for index in range(len(self.calls))]

    def _pieces(self, name: str, tensor: Tensor, ends: Any) -> list[np.ndarray[Any, Any]]:
        axis = self._plan.outputs.get(name)
        if axis is None or isinstance(tensor, NestedTensor) or tensor.ndim <= axis or tensor.shape[axis] != self.rows:
            raise UnfitModelError(
                f"output {name!r} cannot be shared out: it does not have {self.rows} rows on axis {axis}"
            )
        return [np.ascontiguousarray(piece) for piece in np.split(tensor, ends, axis)]


def _rows(message: Message, plan: BatchPlan) -> int | None:
    """The rows of a call; `None` when its tensors do not agree on them."""
    counts = set()
    for name, axis in plan.inputs.items():
        tensor = message.tensors[name]
        if isinstance(tensor, NestedTensor) or tensor.ndim <= axis:
            return None
        counts.add(tensor.shape[axis])
    return counts.pop() if len(counts) == 1 else None


def _form(message: Message, plan: BatchPlan) -> Any:
    """What has to be alike for calls to be put together."""
    return [
        (
            name,
            tensor.dtype.kind,
            tensor.dtype.name if tensor.dtype.kind != "U" else "",
            _without(tensor.shape, plan.inputs[name]),
        )
        for name, tensor in sorted(message.tensors.items())
    ]


def _without(shape: Any, axis: int) -> Any:
    return (*shape[:axis], *shape[axis + 1 :])
