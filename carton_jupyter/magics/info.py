"""``%carton_info``: what a carton says about itself."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.magics.models import check_path, models_in
from carton_jupyter.presenter.view import far_values

PARSER = MagicParser("%carton_info", "Show what a carton says about itself; its model is neither read nor started.")
PARSER.add_argument(
    "path",
    metavar="PATH|URL|MODEL",
    help="the carton, or the folder of an unpacked one, or a variable that holds a loaded model",
)
PARSER.add_argument(
    "--all", action="store_true", help="also fetch the examples and pictures of a carton that is far away"
)
PARSER.add_argument("--to", metavar="NAME", help="also assign the result, a CartonInfo, to this variable")


async def look(arguments: Namespace, namespace: Mapping[str, Any]) -> carton.CartonInfo:
    """What the carton of a line says.

    Raises:
        UsageError: the line names a variable, and it holds no model.
        CartonError: as `carton_runtime.get_model_info` does.
    """
    model = models_in(namespace).get(arguments.path)
    check_path(arguments.path, namespace)
    info = await carton.get_model_info(arguments.path) if model is None else model.info
    if arguments.all:
        for value in far_values(info):  # what was read once is at hand
            await (value.get() if isinstance(value, carton.LazyTensor) else value.read())
    return info
