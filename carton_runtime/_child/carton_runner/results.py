"""From what a model returns to dicts of tensors: coroutines are awaited, iterators stepped, values checked."""

from __future__ import annotations

import inspect
from typing import Any, Iterator

from carton_wire.values import Tensor, as_tensor, is_array

from .api import UnfitModelError
from .loops import Loop


def results(value: Any, loop: Loop) -> Iterator[dict[str, Tensor]]:
    """Each result that a model's return value stands for, as checked tensors; close it to leave a stream early.

    Raises:
        UnfitModelError: a result is no dict of tensors.
        Exception: whatever the model raises.
    """
    if inspect.isawaitable(value):
        value = loop.wait(value)
    if isinstance(value, dict):
        yield checked(value)
    elif hasattr(value, "__anext__"):
        yield from _from_async(value, loop)
    elif hasattr(value, "__next__"):
        yield from _from_iterator(value)
    else:
        raise UnfitModelError(f"the model returned {_a(value)}; it must return a dict of arrays by name")


def checked(value: Any) -> dict[str, Tensor]:
    """One result as tensors.

    Raises:
        UnfitModelError: it is no dict, or a key or value cannot go over the wire; the message names it.
    """
    if not isinstance(value, dict):
        raise UnfitModelError(f"the model returned {_a(value)}; it must return a dict of arrays by name")
    tensors = {}
    for name, item in value.items():
        if not isinstance(name, str):
            raise UnfitModelError(f"the model returned an output named {name!r}; names must be strings")
        try:
            tensors[name] = item if is_array(item) else as_tensor(item)
        except TypeError as error:
            raise UnfitModelError(f"the model's output {name!r}: {error}") from error
    return tensors


def last(found: Iterator[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The last of the results. Raises `UnfitModelError` when there is none."""
    result = None
    for result in found:  # noqa: B007  the last is what is wanted
        pass
    if result is None:
        raise UnfitModelError("the model streamed no result at all")
    return result


def _from_async(iterator: Any, loop: Loop) -> Iterator[dict[str, Tensor]]:
    try:
        while True:
            try:
                item = loop.wait(iterator.__anext__())
            except StopAsyncIteration:
                return
            yield checked(item)
    finally:
        if hasattr(iterator, "aclose"):
            loop.wait(iterator.aclose())


def _from_iterator(iterator: Any) -> Iterator[dict[str, Tensor]]:
    try:
        for item in iterator:
            yield checked(item)
    finally:
        if hasattr(iterator, "close"):
            iterator.close()


def _a(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
