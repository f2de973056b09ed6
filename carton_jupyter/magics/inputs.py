"""The inputs of ``%carton_run``: from expressions and examples to values by name, and what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from IPython.core.error import UsageError

import carton_runtime as carton
from carton_jupyter.magics.call_line import Input

Values = dict[str, Any]


def evaluated(inputs: Iterable[Input], namespace: Mapping[str, Any]) -> Values:
    """The values of inputs, by name.

    Raises:
        UsageError: an expression is no Python, or raises; or a name is given twice.
    """
    variables = dict(namespace)  # a copy: what is evaluated must not see what Python adds to it
    values: Values = {}
    for given in inputs:
        value = _value(given, variables)
        _add(values, given, {given.name: value} if given.name is not None else value)
    return values


def _value(given: Input, variables: dict[str, Any]) -> Any:
    if not given.expression:
        raise UsageError(f"{given} has no value")
    try:
        return eval(compile(given.expression, f"<{given}>", "eval"), variables)  # noqa: S307  a cell's own code
    except SyntaxError as error:
        raise UsageError(f"{given} is no Python: {error.msg}") from error
    except NameError as error:
        raise UsageError(f"{given}: {error}{_meant(error.name or '', variables)}") from error
    except Exception as error:  # the expression's author sees what it is; the cause has the traceback
        raise UsageError(f"{given}: {type(error).__name__}: {error}") from error


def _add(values: Values, given: Input, more: Any) -> None:
    if not isinstance(more, Mapping) or not all(isinstance(name, str) for name in more):
        raise UsageError(f"{given} is no dict of inputs by name")
    if twice := values.keys() & more.keys():
        raise UsageError(f"input {min(twice)!r} is given twice")
    values.update(more)


def of_example(info: carton.CartonInfo, name: str) -> Values:
    """The inputs of one of a carton's examples.

    Raises:
        UsageError: there is no example of that name, or an input of it is a picture or another file.
        CartonError: the carton cannot be read any more.
    """
    examples = {example_name(example, number): example for number, example in enumerate(info.examples, 1)}
    if name not in examples:
        there = f"it has {_listed(list(examples))}" if examples else "it has none"
        raise UsageError(f"{info.title!r} has no example {name!r}{_meant(name, examples) or f'; {there}'}")
    return {key: _stored(name, key, value) for key, value in examples[name].inputs.items()}


def example_name(example: carton.Example[Any], number: int) -> str:
    """What an example is called: its name, or what its number makes of it."""
    return example.name or f"example {number}"


def _stored(example: str, name: str, value: carton.LazyTensor | carton.MiscFile) -> Any:
    if isinstance(value, carton.LazyTensor):
        return value.get_blocking()
    raise UsageError(f"example {example!r} shows a file for {name!r}, {value.path}, and no tensor; give {name}=…")


def checked(info: carton.CartonInfo, values: Values) -> Values:
    """The inputs to run a model on: all that its specs have, but for those that are `None`.

    Raises:
        UsageError: one is unknown to the specs, or missing.
    """
    names = [spec.name for spec in info.inputs]
    if names:
        for name in values:
            if name not in names:
                hint = _meant(name, names) or f"; it takes {_listed(names)}"
                raise UsageError(f"{info.title!r} has no input {name!r}{hint}")
        if missing := [name for name in names if name not in values]:
            what = f"inputs {_listed(missing)} are" if len(missing) > 1 else f"input {missing[0]!r} is"
            raise UsageError(f"{what} missing; give {'=… '.join(missing)}=…, or None to leave one out")
    return {name: value for name, value in values.items() if value is not None}


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, [other for other in known if not other.startswith("_")], 1)
    return f"; did you mean {close[0]}?" if close else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
