"""The models that a notebook's variables hold."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError

import carton_runtime as carton

_KINDS = (carton.Carton, carton.sync.Carton)


def models_in(namespace: Mapping[str, Any]) -> dict[str, carton.Carton]:
    """The models by the names of the variables that hold them, in alphabetical order."""
    held = {name: value for name, value in namespace.items() if isinstance(value, _KINDS) and not name.startswith("_")}
    return {name: _asynchronous(held[name]) for name in sorted(held)}


def model_named(name: str, namespace: Mapping[str, Any]) -> carton.Carton:
    """The model that a variable holds.

    Raises:
        UsageError: there is no such variable, or it holds something else; the message says which was probably meant, or
            which hold models.
    """
    value = namespace.get(name)
    if isinstance(value, _KINDS):
        return _asynchronous(value)
    raise UsageError(f"{name!r} holds no model; {_hint(name, list(models_in(namespace)))}")


def is_path(text: str) -> bool:
    """Whether a text is a path or a URL, and not the name of a variable."""
    return not text.isidentifier() or Path(text).exists()


def check_path(text: str, namespace: Mapping[str, Any]) -> None:
    """Refuse the bare name of a variable where a path or URL has to be.

    Raises:
        UsageError: it is one; the message says how to write it.
    """
    if not is_path(text) and isinstance(namespace.get(text), (str, Path)):
        raise UsageError(f"{text!r} is a variable that holds a path; write {{{text}}} for what it holds")


def _asynchronous(model: carton.Carton | carton.sync.Carton) -> carton.Carton:
    return model.asynchronous if isinstance(model, carton.sync.Carton) else model


def _hint(name: str, names: list[str]) -> str:
    if is_path(name):
        return f"load it first: m = %carton_load {name}"
    if close := difflib.get_close_matches(name, names, 1):
        return f"did you mean {close[0]}?"
    return f"models are in {', '.join(names)}" if names else "no variable holds a model"
