"""The runner's code, and what the model that it loads declares."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

from .api import UnfitModelError


def runner_at(path: str) -> ModuleType:
    """The module of a runner's ``main.py``, executed. Raises whatever that raises."""
    spec = importlib.util.spec_from_file_location("carton_runner_main", path)
    if spec is None or spec.loader is None:
        raise UnfitModelError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def concurrency_of(model: Any) -> int:
    """How many calls the model takes at once; one, unless it says otherwise.

    Raises:
        UnfitModelError: what it says is no number of calls.
    """
    declared = getattr(model, "max_concurrency", 1)
    if type(declared) is not int or declared < 1:
        raise UnfitModelError(f"the model's max_concurrency is {declared!r}; it must be a whole number from 1 up")
    return declared
