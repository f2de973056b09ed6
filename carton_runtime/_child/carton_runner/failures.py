"""Exceptions as data, for the wire."""

from __future__ import annotations

import importlib
import os
import traceback
from asyncio import CancelledError
from types import TracebackType
from typing import Any

from .api import UnfitModelError

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ASYNCIO = os.path.join(os.path.dirname(os.__file__), "asyncio")


ANY = (Exception, SystemExit, KeyboardInterrupt, CancelledError)
"""What a model may raise without ending its process: all there is but `GeneratorExit`."""


def describe_failure(error: BaseException, runner_dir: str) -> dict[str, Any]:
    """The fields of a FAILED message; the traceback begins where the runner calls the model."""
    if isinstance(error, UnfitModelError):
        return {"type": "", "message": str(error), "traceback": ""}
    first = _first_frame_of_the_model(error.__traceback__, runner_dir)
    if first is error.__traceback__ and isinstance(error, SyntaxError):
        first = None  # a module that cannot be compiled has no frame; its error shows the line
    text = "".join(traceback.format_exception(type(error), error, first))
    return {"type": type(error).__name__, "message": _message(error), "traceback": text}


def _first_frame_of_the_model(frame: TracebackType | None, runner_dir: str) -> TracebackType | None:
    start = frame
    while frame is not None:
        if not _is_ours(frame.tb_frame.f_code.co_filename, runner_dir):
            return frame
        frame = frame.tb_next
    return start


def _is_ours(path: str, runner_dir: str) -> bool:
    # The frames of importlib stand between the runner and the model's modules, those of asyncio before its coroutines.
    between = (_OURS + os.sep, runner_dir + os.sep, _ASYNCIO + os.sep, "<frozen importlib")
    return path.startswith(between) or path == importlib.__file__


def _message(error: BaseException) -> str:
    # Some exceptions raise in __str__; that must not cost the caller the reply.
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001  any class of the model's may do anything here
        return f"<no message: its __str__ raised {type(second).__name__}>"
