"""The notebook's variables that could go into a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import carton_runtime as carton
from carton_jupyter.panel.requests import RequestError
from carton_jupyter.presenter.view import form_text
from carton_runtime.checking import bind, to_tensor

_MOST_ITEMS = 10_000  # of a list, which has to be made an array to be looked at
_SHELL = frozenset({"In", "Out", "exit", "quit"})


def variables(
    namespace: Mapping[str, Any], specs: Sequence[carton.TensorSpec], others: Mapping[str, Any], name: str
) -> list[dict[str, Any]]:
    """What there is for a field, what fits first.

    Args:
        namespace: the notebook's variables.
        specs: of all fields.
        others: the tensors in the other fields.
        name: the field.
    """
    dtypes = {spec.name: spec.dtype for spec in specs}
    found = []
    for variable, value in list(namespace.items()):
        tensor = None if variable.startswith("_") or variable in _SHELL else _tensor(value, name, dtypes)
        if tensor is not None:
            problems = bind(specs, {**others, name: tensor}).problems
            text = form_text(tensor)
            found.append({"name": variable, "text": text, "fits": not problems})
    return sorted(found, key=lambda item: (not item["fits"], item["name"]))


def variable(namespace: Mapping[str, Any], name: str) -> Any:
    """The value of a variable.

    Raises:
        RequestError: there is none of that name.
    """
    if name not in namespace:
        raise RequestError(f"there is no variable {name!r} any more")
    return namespace[name]


def name_of(namespace: Mapping[str, Any], *values: object) -> str:
    """The name of a variable that holds one of `values`; empty when none does."""
    wanted = {id(value) for value in values if value is not None}
    names = (name for name, value in list(namespace.items()) if id(value) in wanted and not name.startswith("_"))
    return next(names, "")


def _tensor(value: Any, name: str, dtypes: Mapping[str, str]) -> Any:
    """A value as a tensor, if it is of a kind that people keep such in."""
    is_array = isinstance(value, (np.ndarray, np.generic, carton.NestedTensor))
    is_plain = isinstance(value, (int, float, str)) and not isinstance(value, bool)
    is_list = isinstance(value, (list, tuple)) and 0 < len(value) <= _MOST_ITEMS
    if not (is_array or is_plain or is_list):
        return None
    try:
        return to_tensor(name, value, dtypes.get(name))
    except Exception:  # noqa: BLE001  a list of something else, of a dtype that no carton has, or of objects that raise
        return None
