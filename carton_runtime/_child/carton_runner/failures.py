"""Exceptions as data, for the wire."""

from __future__ import annotations

import importlib
import os
import traceback
from types import TracebackType
from typing import Any

from .api import UnfitModelError

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_ASYNCIO = os.path.join(os.path.dirname(os.__file__), "asyncio")


ANY = BaseException
"""What a model may raise without ending its process: whatever it is. Bindings and test tools derive from this, too."""

_LONGEST_MESSAGE = 10_000
_LONGEST_TRACEBACK = 100_000


def describe_failure(error: BaseException, runner_dir: str) -> dict[str, Any]:
    """The fields of a FAILED message; the traceback begins where the runner calls the model."""
    if isinstance(error, UnfitModelError):
        return {"type": "", "message": str(error), "traceback": ""}
    first = _first_frame_of_the_model(error.__traceback__, runner_dir)
    if first is error.__traceback__ and isinstance(error, SyntaxError):
        first = None  # a module that cannot be compiled has no frame; its error shows the line
    text = _traceback(error, first)
    return {
        "type": type(error).__name__,
        "message": _shortened(_message(error), _LONGEST_MESSAGE),
        "traceback": _shortened(text, _LONGEST_TRACEBACK),
    }


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
    except BaseException as second:  # noqa: BLE001  any class of the model's may do anything here, even exit
        return f"<no message: its __str__ raised {type(second).__name__}>"


def _traceback(error: BaseException, first: TracebackType | None) -> str:
    try:
        return "".join(traceback.format_exception(type(error), error, first))
    except BaseException:  # noqa: BLE001  likewise: formatting calls __str__, and swallows only Exception
        return "".join(traceback.format_tb(first))


def _shortened(text: str, longest: int) -> str:
    """A text that fits on a screen or two; an array or a document in a message does not."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n… {len(text) - longest:,} characters left out …\n{text[-half:]}"
