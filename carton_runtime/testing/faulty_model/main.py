"""A model for the `python` runner whose faults are configured; see `carton_runtime.testing.doubles`."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Iterator
from typing import Any, Dict

from .faults import strike

Tensors = Dict[str, Any]  # evaluated, also by Python 3.8


class FaultyModel:
    """Gives ``x`` back as ``out``, unless its inputs say otherwise."""

    def __init__(self) -> None:
        self._sealed: dict[int, Tensors] = {}
        self._last = 0

    def infer_with_tensors(self, tensors: Tensors) -> Any:
        """One result, or several when the inputs have ``items``."""
        if "items" in tensors:
            return self._stream(tensors)
        time.sleep(float(tensors.get("seconds", 0)))
        _strike_in("infer", tensors)
        return {"out": tensors.get("x", 0), "pid": os.getpid()}

    def seal(self, tensors: Tensors) -> int:
        """Keep inputs."""
        _strike_in("seal", tensors)
        self._last += 1
        self._sealed[self._last] = tensors
        return self._last

    def infer_with_handle(self, handle: int) -> Any:
        """Run on inputs that were kept."""
        return self.infer_with_tensors(self._sealed.pop(handle))

    def _stream(self, tensors: Tensors) -> Iterator[Tensors]:
        for item in range(int(tensors["items"])):
            if item == 1:
                _strike_in("stream", tensors)
            yield {"out": item}


def get_model(fault: str = "", phase: str = "", only_if: str = "") -> FaultyModel:
    """The model.

    Args:
        fault: the name of a fault to have.
        phase: ``loading`` or ``closing``, when to have it.
        only_if: a file; without it there is no fault.
    """
    if not only_if or os.path.exists(only_if):
        if phase == "loading":
            strike(fault)
        elif phase == "closing":
            atexit.register(strike, fault)
    return FaultyModel()


def _strike_in(phase: str, tensors: Tensors) -> None:
    if str(tensors.get("phase", "")) == phase:
        strike(str(tensors["fault"]))
