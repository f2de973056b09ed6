"""Python variables of the notebook, named on a magic's line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from IPython.core.error import UsageError

T = TypeVar("T")


def variable(namespace: Mapping[str, Any], name: str, option: str) -> Any:
    """The value of a variable.

    Raises:
        UsageError: there is none of that name; says which was probably meant.
    """
    if name in namespace:
        return namespace[name]
    close = difflib.get_close_matches(name, [key for key in namespace if not key.startswith("_")], 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise UsageError(f"{option} names a variable, and there is no variable {name!r}{hint}")


def items(namespace: Mapping[str, Any], names: Sequence[str], option: str, kind: type[T]) -> list[T]:
    """The values of variables that hold one thing of a kind each, or a list of such, one after the other.

    Raises:
        UsageError: a variable is missing or holds something else.
    """
    found: list[T] = []
    for name in names:
        value = variable(namespace, name, option)
        parts = value if isinstance(value, (list, tuple)) else [value]
        for part in parts:
            if not isinstance(part, kind):
                raise UsageError(f"{option} {name}: takes {kind.__name__} or a list of them, not {type(part).__name__}")
        found.extend(parts)
    return found


def merged(namespace: Mapping[str, Any], names: Sequence[str], option: str) -> dict[str, Any]:
    """The contents of variables that hold dicts, put into one.

    Raises:
        UsageError: a variable is missing or holds no dict.
    """
    found: dict[str, Any] = {}
    for name in names:
        value = variable(namespace, name, option)
        if not isinstance(value, Mapping):
            raise UsageError(f"{option} {name}: takes a dict, not {type(value).__name__}")
        found.update(value)
    return found
