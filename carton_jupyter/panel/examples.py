"""The examples of a carton: a gallery, and their values as tensors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import PurePosixPath

import carton_runtime as carton
from carton_jupyter.panel.desk import Desk
from carton_jupyter.panel.requests import RequestError
from carton_jupyter.presenter.panel_outputs import example_item
from carton_jupyter.presenter.panel_view import ExampleItem, ExamplesState
from carton_jupyter.previews import Blob, Value, decode
from carton_jupyter.previews.wording import first_text

MOST = 100

Stored = carton.LazyTensor | carton.MiscFile
Specs = Mapping[str, carton.TensorSpec]


class Examples:
    """Of one carton.

    Args:
        info: what it says.
        desk: what the parts share.
    """

    def __init__(self, info: carton.CartonInfo, desk: Desk) -> None:
        self._examples, self._count = info.examples[:MOST], len(info.examples)
        self._inputs = {spec.name: spec for spec in info.inputs}
        self._outputs = {spec.name: spec for spec in info.outputs}
        self._desk = desk
        self._items: list[ExampleItem] = []

    def state(self) -> ExamplesState:
        """The gallery, as far as it is made."""
        return {"items": self._items, "more": first_text(len(self._examples), self._count, "example")}

    def make(self, *, pictures: bool) -> dict[str, Blob]:
        """Make the gallery, which reads what is at hand: not on the background loop."""
        numbered = list(enumerate(self._examples, 1))
        keys = [self._desk.blobs.new_key(f"example-{number}") if pictures else None for number, _ in numbered]
        made = [
            example_item(example, number, self._inputs, key)
            for (number, example), key in zip(numbered, keys, strict=True)
        ]
        self._items = [item for item, _ in made]
        return {key: blob for _, blobs in made for key, blob in blobs.items()}

    async def draw(self) -> None:
        """Put pictures to the examples."""
        self._desk.blobs.replace("examples", await asyncio.to_thread(self.make, pictures=True))
        self._desk.touch("examples")

    def find(self, index: int) -> carton.Example[Stored]:
        """An example.

        Raises:
            RequestError: there is none of that number.
        """
        if index >= len(self._examples):
            raise RequestError(f"there is no example {index}; there are {len(self._examples)}")
        return self._examples[index]

    def name(self, index: int) -> str:
        """What an example is called."""
        return self.find(index).name or f"example {index + 1}"

    async def inputs(self, index: int) -> dict[str, Value]:
        """An example's inputs as tensors. Raises as reading and decoding them does."""
        return {name: await _tensor(value, self._inputs.get(name)) for name, value in self.find(index).inputs.items()}

    async def outputs(self, index: int) -> dict[str, Value]:
        """Its outputs."""
        found = self.find(index).sample_out
        return {name: await _tensor(value, self._outputs.get(name)) for name, value in found.items()}


def file_of(value: Stored) -> str:
    """The name of the file that holds a value; empty for a stored tensor."""
    return PurePosixPath(value.path).name if isinstance(value, carton.MiscFile) else ""


async def _tensor(value: Stored, spec: carton.TensorSpec | None) -> Value:
    if isinstance(value, carton.LazyTensor):
        return await value.get()
    return await asyncio.to_thread(decode, file_of(value), await value.read(), spec)
