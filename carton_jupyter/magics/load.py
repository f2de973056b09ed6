"""``%carton_load``: from a line to a running model."""

from __future__ import annotations

from argparse import Namespace

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser, seconds
from carton_jupyter.magics.options import HELP, Option, for_runner, need_runner, parse_options
from carton_runtime.events import OnEvent

PARSER = MagicParser(
    "%carton_load", "Load a carton and start its model in a process of its own: m = %carton_load x.carton"
)
PARSER.add_argument("path", metavar="PATH|URL", help="the carton, or the folder of an unpacked one")
PARSER.add_argument("--device", metavar="D", help="what the model sees: cpu, an index such as 0, or a GPU's UUID")
PARSER.add_argument("--runner", metavar="NAME", help="another runner than the carton says")
PARSER.add_argument("--framework", metavar="REQ", help="another framework version requirement, such as =3.10")
PARSER.add_argument("--opt", metavar="KEY=VALUE", nargs="+", action="extend", default=[], help=HELP)
PARSER.add_argument("--memory-limit", metavar="SIZE", help="what the model's process may take, such as 2GB")
PARSER.add_argument(
    "--ready-timeout", metavar="SECONDS", type=seconds, help="what its process may take until the model is loaded"
)
PARSER.add_argument("--strict", action="store_true", help="make errors of inputs and outputs that break the specs")
PARSER.add_argument("--to", metavar="NAME", help="also assign the model to this variable")


def is_far(location: str) -> bool:
    """Whether a carton has to be downloaded, so that its card should come first."""
    return "://" in location and not location.startswith("file:")


async def load(arguments: Namespace, info: carton.CartonInfo | None, on_event: OnEvent | None) -> carton.Carton:
    """Load what a line asks for. Raises as `carton_runtime.load` does.

    Args:
        arguments: the line.
        info: what the carton says about itself, if that was read.
        on_event: told of each step.
    """
    return await carton.load(
        arguments.path,
        visible_device=arguments.device,
        override_runner_name=arguments.runner,
        override_required_framework_version=arguments.framework,
        override_runner_opts=await _options(arguments, info),
        memory_limit=arguments.memory_limit,
        ready_timeout=arguments.ready_timeout,
        strict=arguments.strict,
        on_event=on_event,
    )


async def _options(arguments: Namespace, info: carton.CartonInfo | None) -> dict[str, Option]:
    options = parse_options(arguments.opt)
    if not need_runner(options):
        return options
    if arguments.runner:
        return for_runner(options, arguments.runner)
    return for_runner(options, (info or await carton.get_model_info(arguments.path)).runner.runner_name)
