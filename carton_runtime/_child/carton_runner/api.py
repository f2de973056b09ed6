"""What the author of a runner needs.

A runner is a folder with a ``runner.toml`` and a ``main.py`` that has a function ``load(request)``. It gets a
`LoadRequest` and returns a model, any object with

``infer(tensors)``
    A dict of tensors by name, to a dict of such. A coroutine of a dict, an iterator or an async iterator of dicts will
    do as well; the iterators make it a streaming model.
``seal(tensors)`` and ``infer_with_handle(handle)``
    Both or neither: keep inputs and return an int, then run on them. Without them the tensors are kept for the model.

Tensors are `numpy.ndarray` (strings as ``<U``, scalars 0-d) or `NestedTensor`. Whatever ``load`` and the model raise
reaches the caller with its traceback; `UnfitModelError` reaches her as its message alone.
"""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Sequence, Union

import numpy as np
from carton_wire.nested import NestedTensor
from carton_wire.values import DTYPES, as_tensor

__all__ = [
    "DTYPES",
    "LoadRequest",
    "NestedTensor",
    "Option",
    "UnfitModelError",
    "alloc_tensor",
    "as_tensor",
    "is_cancelled",
]

Option = Union[int, float, str, bool]


class UnfitModelError(Exception):
    """The model is not what its runner needs; the message says it all, so that no traceback is shown."""


class LoadRequest:
    """What to load.

    Attributes:
        model_dir: the folder of the carton's ``model/``.
        options: the carton's runner options, with the caller's overrides.
        warnings: lines for the caller, who sees each as a Python warning.
    """

    def __init__(self, model_dir: str, options: dict[str, Option], wait: Callable[[Awaitable[Any]], Any]) -> None:
        self.model_dir = model_dir
        self.options = options
        self.warnings: list[str] = []
        self._wait = wait

    def warn(self, message: str) -> None:
        """Have the caller warned once the model is loaded."""
        self.warnings.append(message)

    def wait(self, awaitable: Awaitable[Any]) -> Any:
        """The result of something awaitable, run on the loop that the model's coroutines will run on."""
        return self._wait(awaitable)


def alloc_tensor(shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
    """A new array to write an output into; a large one lies in shared memory and costs no copy to return."""
    return _kernel.alloc_tensor(shape, dtype)


def is_cancelled() -> bool:
    """Whether nobody waits any more for the call that is being computed: a model that loops may look and give up."""
    return _kernel.is_cancelled()


class _Kernel:
    """What the process around the model offers; plain arrays and nobody who cancels, where there is none."""

    def __init__(self) -> None:
        self.alloc_tensor: Callable[..., np.ndarray[Any, Any]] = np.empty
        self.is_cancelled: Callable[[], bool] = lambda: False


_kernel = _Kernel()


def attach(cancelled: Callable[[], bool], alloc: Callable[..., np.ndarray[Any, Any]]) -> None:
    """Called once, when the process starts."""
    _kernel.is_cancelled, _kernel.alloc_tensor = cancelled, alloc
