"""A runner as somebody else would write it: its models are files that say what to do."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carton_runner.api import LoadRequest, UnfitModelError, alloc_tensor

Tensors = dict[str, Any]


def load(request: LoadRequest) -> Model:
    """The model that ``model.json`` describes."""
    text = Path(request.model_dir, "model.json").read_text(encoding="utf-8")
    does = json.loads(text)["does"]
    if not hasattr(Model, does):
        raise UnfitModelError(f"model.json wants {does!r}, which no model does")
    return Model(does, request.options)


class Model:
    """Does one thing."""

    def __init__(self, does: str, options: Tensors) -> None:
        self._does = getattr(self, does)
        self._options = options
        self._handles = itertools.count(1)
        self._sealed: dict[int, Tensors] = {}

    def infer(self, tensors: Tensors) -> Any:
        return self._does(tensors)

    def seal(self, tensors: Tensors) -> int:
        handle = next(self._handles)
        self._sealed[handle] = tensors
        return handle

    def infer_with_handle(self, handle: int) -> Any:
        return self.infer(self._sealed.pop(handle))

    def release(self, handle: int) -> None:
        self._sealed.pop(handle, None)

    def echo(self, tensors: Tensors) -> Tensors:
        return {"x": self._copied(tensors["x"])}

    def names(self, tensors: Tensors) -> Tensors:
        return tensors

    def nested(self, tensors: Tensors) -> Tensors:
        return {"x": tensors["x"]}

    def fails(self, tensors: Tensors) -> Tensors:
        if tensors["fail"]:
            raise ValueError("it was asked to")
        return tensors

    def waits(self, tensors: Tensors) -> Tensors:
        time.sleep(float(tensors["seconds"]))
        return tensors

    def streams(self, tensors: Tensors) -> Iterator[Tensors]:
        for item in range(tensors["items"]):
            yield {"item": item}

    def prints(self, tensors: Tensors) -> Tensors:
        print(tensors["text"])  # noqa: T201  what it is for
        return tensors

    def options(self, tensors: Tensors) -> Tensors:
        return {"option": self._options["option"]}

    def environment(self, tensors: Tensors) -> Tensors:
        return {"value": os.environ[str(tensors["name"])]}

    def _copied(self, array: Any) -> Any:
        if array.dtype.kind == "U":
            return array
        output = alloc_tensor(array.shape, array.dtype)
        output[...] = array
        return output
