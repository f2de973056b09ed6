"""``--opt KEY=VALUE``: options for runners and models, typed as the carton format has them."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from IPython.core.error import UsageError

Option = int | float | str | bool

_PREFIX = "model."
_OF_PYTHON_RUNNER = frozenset({"entrypoint_package", "entrypoint_fn"})

HELP = """an option for the model, or for its runner. VALUE is a bool (true, false), an int, a float, or else a string;
quote it twice, as in 'KEY="3"', for a string that looks like a number. For the python runner a KEY without the prefix
"model." gets it, so that gain=2 calls the entrypoint with gain=2; entrypoint_package and entrypoint_fn are the runner's
own. Other runners get KEY as it is written"""


def parse_options(pairs: Iterable[str]) -> dict[str, Option]:
    """Options as they were typed.

    Raises:
        UsageError: one is not ``KEY=VALUE``.
    """
    options = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(f"--opt takes KEY=VALUE, and {pair!r} is not; a path or URL goes before the options")
        options[key] = _typed(value)
    return options


def for_runner(options: dict[str, Option], runner_name: str) -> dict[str, Option]:
    """The options under the names that a runner knows them by."""
    if runner_name != "python":
        return options
    return {key if _has_home(key) else f"{_PREFIX}{key}": value for key, value in options.items()}


def need_runner(options: Iterable[str]) -> bool:
    """Whether it depends on the runner what some option is called."""
    return not all(_has_home(key) for key in options)


def _has_home(key: str) -> bool:
    return key.startswith(_PREFIX) or key in _OF_PYTHON_RUNNER


def _typed(text: str) -> Option:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, (int, float, str)) else text
