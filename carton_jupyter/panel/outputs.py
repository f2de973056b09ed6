"""What came out, what the example says should, and as what each output is shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import carton_runtime as carton
from carton_jupyter.panel.desk import Desk
from carton_jupyter.panel.publishing import INTERVAL
from carton_jupyter.panel.requests import RequestError
from carton_jupyter.presenter.panel_outputs import labels_beside, output_state
from carton_jupyter.presenter.panel_view import Output, OutputsState, Which
from carton_jupyter.previews import Blob, Kind, Value, formats_of, kinds_of, save

Tensors = Mapping[str, Value]


class Outputs:
    """Of one model. What is offered by the thousand is shown as often as eyes can follow, and the last of it always.

    Args:
        specs: of its outputs.
        desk: what the parts share.
    """

    def __init__(self, specs: Sequence[carton.TensorSpec], desk: Desk) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._desk = desk
        self._tensors: dict[Which, Tensors] = {"actual": {}, "expected": {}}
        self._shown: dict[Which, list[Output]] = {"actual": [], "expected": []}
        self._wanted: dict[str, Kind] = {}
        self._run = 0
        self._current = 0  # the run that began after everything else
        self._example = ""
        self._showing = asyncio.Lock()  # what is asked for later is shown later
        self._offered: tuple[int, Tensors] | None = None
        self._is_last = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def state(self) -> OutputsState:
        """What is shown."""
        return {
            "run": self._run,
            "example": self._example,
            "items": self._shown["actual"],
            "expected": self._shown["expected"],
        }

    def begin(self, run: int) -> None:
        """A run begins, on the inputs that are there now."""
        self._current = run

    def offer(self, run: int, tensors: Tensors) -> None:
        """A run has given this; more may follow."""
        if run != self._current:
            self.forget_expected()  # of an example that was chosen since: it says nothing about this run
        self._offered = (run, tensors)
        if self._work is None:
            self._is_last.clear()
            self._work = asyncio.create_task(self._keep_up())

    async def settle(self) -> None:
        """Nothing follows any more: wait until the last is shown."""
        self._is_last.set()
        if self._work is not None:
            await self._work

    async def expect(self, example: str, tensors: Tensors) -> None:
        """Show what an example says should come out, in place of what came out before."""
        self._run, self._current, self._example = 0, 0, example
        await self._show("actual", {})
        await self._show("expected", tensors)

    def forget_expected(self) -> None:
        """The inputs are not those of an example any more."""
        if self._example:
            self._example = ""
            self._tensors["expected"], self._shown["expected"] = {}, []
            self._desk.blobs.replace("expected", {})
            self._desk.touch("outputs")

    async def choose(self, name: str, which: str, kind: str) -> None:
        """Show an output as something else, from now on.

        Raises:
            RequestError: it cannot be shown so.
        """
        side, value = self._find(name, which)
        if kind not in kinds_of(value, self._specs.get(name)):
            raise RequestError(f"output {name!r} cannot be shown as {kind!r}")
        self._wanted[name] = kind
        await self._show(side)

    async def saved(self, name: str, which: str, form: str) -> Blob:
        """An output as a file.

        Raises:
            RequestError: it cannot be saved so.
        """
        _, value = self._find(name, which)
        spec = self._specs.get(name)
        if form not in formats_of(value, spec):
            raise RequestError(f"output {name!r} cannot be saved as .{form}")
        return await asyncio.to_thread(save, value, spec, form)

    def _find(self, name: str, which: str) -> tuple[Which, Value]:
        for side, tensors in self._tensors.items():
            if side == which and name in tensors:
                return side, tensors[name]
        raise RequestError(f"there is no {which} output {name!r}")

    async def _keep_up(self) -> None:
        try:
            while self._offered is not None:
                (self._run, tensors), self._offered = self._offered, None
                await self._show("actual", tensors)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._is_last.wait(), INTERVAL)
        finally:
            self._work = None

    async def _show(self, side: Which, tensors: Tensors | None = None) -> None:
        """Show these, or those that are there anew."""
        async with self._showing:
            tensors = self._tensors[side] if tensors is None else tensors
            keys = {name: self._desk.blobs.new_key(f"{side}-{name}") for name in tensors}
            made = await asyncio.to_thread(self._make, side, tensors, keys)
            if side == "expected" and not self._example:
                return  # the inputs have changed meanwhile
            self._tensors[side] = tensors
            self._shown[side] = [state for state, _ in made]
            self._desk.blobs.replace(side, {key: blob for _, blobs in made for key, blob in blobs.items()})
            self._desk.touch("outputs")

    def _make(self, side: Which, tensors: Tensors, keys: Mapping[str, str]) -> list[tuple[Output, Mapping[str, Blob]]]:
        return [
            output_state(
                name,
                value,
                self._specs.get(name),
                side,
                self._wanted.get(name),
                keys[name],
                labels_beside(tensors, value),
            )
            for name, value in tensors.items()
        ]
