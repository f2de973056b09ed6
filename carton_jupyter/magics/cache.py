"""``%carton_cache``: what cartons take on the disk, made smaller and checked."""

from __future__ import annotations

import asyncio
import re
from argparse import Namespace
from datetime import timedelta

from IPython.core.error import UsageError

import carton_runtime as carton
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.presenter.cache_view import CacheView, cache_view, size_text
from carton_runtime.events import OnEvent

PARSER = MagicParser("%carton_cache", "Show the models that are in the cache, with what they take on the disk.")
PARSER.add_argument(
    "--prune",
    metavar="SIZE",
    nargs="?",
    const="",
    help="first remove what is not loaded anywhere, or as much of it as leaves SIZE, such as 10GB; the oldest go first",
)
PARSER.add_argument("--older-than", metavar="AGE", help="with --prune: only what was not used for that long: 7d, 12h")
PARSER.add_argument(
    "--verify", action="store_true", help="first read all files again, and remove those that are damaged"
)

_AGE = re.compile(r"(\d+)\s*([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


async def look(arguments: Namespace, on_event: OnEvent | None) -> CacheView:
    """Do what a line asks for, and give what is in the cache then.

    Raises:
        UsageError: an age cannot be read, or is given without ``--prune``.
        SettingsError: a size cannot be read.
    """
    return await asyncio.to_thread(_look, arguments, on_event)


def _look(arguments: Namespace, on_event: OnEvent | None) -> CacheView:
    said = []
    if arguments.prune is not None:
        freed = carton.cache.prune(to_size=arguments.prune or 0, older_than=_age(arguments.older_than))
        said.append(f"{size_text(freed)} freed")
    elif arguments.older_than is not None:
        raise UsageError("%carton_cache: --older-than goes with --prune (%carton_cache --help says more)")
    if arguments.verify:
        said += _verify(on_event)
    return cache_view(carton.cache.models(), carton.cache.size(), carton.Settings.load().cache_size, said)


def _verify(on_event: OnEvent | None) -> list[str]:
    damaged = carton.cache.verify(on_event)
    if not damaged:
        return ["all files are as they should be"]
    models = sorted({title for damage in damaged for title in damage.models})
    files = f"{len(damaged)} file{'s were' if len(damaged) > 1 else ' was'} damaged and removed"
    return [f"{files}, of {', '.join(models)}" if models else files]


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"%carton_cache: --older-than takes an age such as 7d, 12h or 30m, not {text!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
