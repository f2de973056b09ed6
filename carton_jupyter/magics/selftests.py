"""``%carton_test``: run the self tests that a carton comes with."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.magics.models import check_path, is_path, model_named, models_in
from carton_runtime.events import OnEvent

PARSER = MagicParser(
    "%carton_test",
    """Run a model's self tests and show how far off its outputs are: report = %carton_test m

A carton that is not loaded is loaded for this, and its process ended again.""",
)
PARSER.add_argument(
    "subject",
    metavar="MODEL|PATH|URL",
    nargs="?",
    help="the variable that holds the model, or a carton; may be left out where one variable holds a model",
)
PARSER.add_argument("--strict", action="store_true", help="raise when a test fails, or when there is none")
PARSER.add_argument("--device", metavar="D", help="what a carton that is loaded for this sees; see %%carton_load")
PARSER.add_argument("--memory-limit", metavar="SIZE", help="what its process may take, such as 2GB")
PARSER.add_argument("--to", metavar="NAME", help="also assign the report to this variable")


def subject(arguments: Namespace, namespace: Mapping[str, Any]) -> carton.Carton | str:
    """The model that a line names, or the path or URL of its carton.

    Raises:
        UsageError: it is neither, or it is left out and it is not clear which is meant.
    """
    name, models = arguments.subject, models_in(namespace)
    if name is None:
        if len(models) == 1:
            return next(iter(models.values()))
        PARSER.error(f"say which of {', '.join(models)}" if models else "no variable holds a model; give a path")
    if name not in models and is_path(name):
        return str(name)
    check_path(name, namespace)
    return model_named(name, namespace)


async def check(
    subject: carton.Carton | str, arguments: Namespace, on_event: OnEvent | None
) -> tuple[str, carton.SelfTestReport]:
    """The model's title and the report on its self tests. Raises as `carton_runtime.load` does."""
    if isinstance(subject, carton.Carton):
        return subject.info.title, await subject.run_self_tests()
    loading = carton.load(
        subject, visible_device=arguments.device, memory_limit=arguments.memory_limit, on_event=on_event
    )
    async with await loading as model:
        return model.info.title, await model.run_self_tests()


def complaint(title: str, report: carton.SelfTestReport) -> str:
    """What a strict reader of a report finds wrong with it; empty when that is nothing."""
    failed = [result.name for result in report if not result.passed]
    if failed:
        return f"{len(failed)} of {len(report)} self tests of {title!r} fail: {', '.join(failed)}"
    return "" if report else f"{title!r} has no self tests"
