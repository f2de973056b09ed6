"""What a model can be called with: the names of its inputs and of its examples."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from IPython.core.completer import Completer, SimpleCompletion

import carton_runtime as carton
from carton_jupyter.magics.call_line import Input, take_apart
from carton_jupyter.magics.inputs import example_name

_BEGUN = re.compile(r"(?:[^\s=]+=|\*\*)\S*$")
_NAME = re.compile(r"[\w.]*$")


def is_expression(line: str) -> bool:
    """Whether a line of ``%carton_run`` ends within an expression."""
    call = take_apart(line)
    return call.in_input and (call.is_open or _BEGUN.search(line) is not None)


def names(line: str, completer: Completer) -> tuple[str, list[SimpleCompletion]]:
    """The name of Python's at the end of an expression, and what it may be."""
    word = _NAME.search(line)[0]  # type: ignore[index]  # it matches nothing, too
    if not word:
        own = (name for name in completer.namespace if not name.startswith("_"))
        return word, [SimpleCompletion(name, type="instance") for name in sorted(own)]
    # IPython leaves both without types.
    find = cast("Callable[[str], list[str]]", completer.attr_matches if "." in word else completer.global_matches)
    return word, [SimpleCompletion(name) for name in find(word)]


def inputs(model: carton.Carton | None, given: Sequence[Input], word: str) -> Iterable[SimpleCompletion]:
    """The inputs of a model that are not given yet, each with the sign that its value comes after."""
    taken = {one.name for one in given}
    names = [spec.name for spec in model.info.inputs if spec.name not in taken] if model is not None else []
    return (SimpleCompletion(f"{name}=", type="param") for name in names if name.startswith(word))


def examples(model: carton.Carton | None, word: str) -> Iterable[SimpleCompletion]:
    """The examples of a model, quoted where their names have spaces."""
    known = model.info.examples if model is not None else ()
    names = (example_name(example, number) for number, example in enumerate(known, 1))
    typed = word.lstrip("'\"")
    return (SimpleCompletion(shlex.quote(name), type="param") for name in names if name.startswith(typed))
