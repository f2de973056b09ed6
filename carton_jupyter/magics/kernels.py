"""``%carton_kernels``, ``%carton_restart`` and ``%carton_unload``: the processes of models that are loaded."""

from __future__ import annotations

from carton_jupyter.magics.arguments import MagicParser

KERNELS_PARSER = MagicParser(
    "%carton_kernels",
    "Show the processes of all loaded models. A notebook keeps what it shows up to date for ten minutes.",
)

RESTART_PARSER = MagicParser("%carton_restart", "End the process of a model and start a new one: %carton_restart m")
RESTART_PARSER.add_argument("model", metavar="NAME", help="the variable that holds the model")

UNLOAD_PARSER = MagicParser("%carton_unload", "End the process of a model for good: %carton_unload m")
UNLOAD_PARSER.add_argument("model", metavar="NAME", help="the variable that holds the model")
