"""``%carton_run``: call a model of the notebook."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser, seconds
from carton_jupyter.magics.call_line import Input, take_apart
from carton_jupyter.magics.inputs import checked, evaluated, of_example
from carton_jupyter.magics.models import model_named
from carton_jupyter.presenter.pictures import tensor_text

Outputs = dict[str, Any]

_DESCRIPTION = """Run a model: out = %carton_run m x=np.ones((2, 3)) label="two words"

Each input is NAME=EXPRESSION, or **DICT for several. Expressions are Python, with the notebook's variables and without
$ or {}; they may have spaces, and end where the next input or option begins. What comes out is a dict of tensors by
name. Interrupting the cell stops the call; the model stays loaded."""


PARSER = MagicParser("%carton_run", _DESCRIPTION)
PARSER.surplus_hint = "inputs are NAME=EXPRESSION, such as x=1"
PARSER.usage = "%(prog)s MODEL [NAME=EXPRESSION ...] [**DICT] [options]"
PARSER.add_argument("model", metavar="MODEL", help="the variable that holds the model")
PARSER.add_argument("--example", metavar="NAME", help="take the inputs that are not given from this example")
PARSER.add_argument("--stream", action="store_true", help="show each result as it comes, and give the list of all")
PARSER.add_argument("--timeout", metavar="SECONDS", type=seconds, help="what the call, or each result, may take")
PARSER.add_argument("--to", metavar="NAME", help="also assign the outputs to this variable")


class Results(list[Outputs]):
    """The results of a stream, in order; a cell that ends with them shows how many, since it has shown each."""

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(f"{len(self)} result{'' if len(self) == 1 else 's'}")


def parse(line: str) -> tuple[Namespace | None, list[Input]]:
    """What a line asks for, and its inputs; `None` when it asked for help.

    Raises:
        UsageError: the line does not parse.
    """
    call = take_apart(line)
    return PARSER.parse_line(call.words), call.inputs


def run(arguments: Namespace, inputs: list[Input], namespace: Mapping[str, Any]) -> Outputs | Results:
    """Run the model that a line names, and show the results of a stream.

    Raises:
        UsageError: it names no model, an expression fails, or what it gives are not the model's inputs.
        CartonError: as `carton_runtime.Carton.infer` does.
    """
    model = model_named(arguments.model, namespace)
    values = evaluated(inputs, namespace)
    if arguments.example is not None:
        values = of_example(model.info, arguments.example) | values
    call = _stream if arguments.stream else carton.sync.Carton.infer
    return call(carton.sync.Carton(model), checked(model.info, values), timeout=arguments.timeout)


def _stream(model: carton.sync.Carton, values: Outputs, timeout: float | None) -> Results:
    results = Results()
    for result in model.streaming_infer(values, timeout=timeout):
        print(", ".join(f"{name}: {tensor_text(tensor)}" for name, tensor in result.items()))  # noqa: T201
        results.append(result)
    return results
