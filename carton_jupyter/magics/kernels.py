"""``%carton_kernels``, ``%carton_restart`` and ``%carton_unload``: the processes of models that are loaded."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from IPython.core.error import UsageError

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser

KERNELS_PARSER = MagicParser(
    "%carton_kernels", "Show the processes of all loaded models, and keep what is shown up to date for ten minutes."
)

RESTART_PARSER = MagicParser("%carton_restart", "End the process of a model and start a new one: %carton_restart m")
RESTART_PARSER.add_argument("model", metavar="NAME", help="the variable that holds the model")

UNLOAD_PARSER = MagicParser("%carton_unload", "End the process of a model for good: %carton_unload m")
UNLOAD_PARSER.add_argument("model", metavar="NAME", help="the variable that holds the model")


def model_named(arguments: Namespace, namespace: Mapping[str, Any]) -> carton.Carton:
    """The model that a variable holds.

    Raises:
        UsageError: there is no such variable, or it holds something else; the message names those that hold models.
    """
    value = namespace.get(arguments.model)
    if isinstance(value, carton.sync.Carton):
        return value.asynchronous
    if isinstance(value, carton.Carton):
        return value
    kinds = (carton.Carton, carton.sync.Carton)
    names = sorted(name for name, held in namespace.items() if isinstance(held, kinds) and not name.startswith("_"))
    there = f"models are in {', '.join(names)}" if names else "no variable holds a model"
    raise UsageError(f"{arguments.model!r} holds no model; {there}")
