"""Short tracebacks for our errors, and for interrupts: the reader's own lines and the message, and none of our frames.

The exception itself is untouched: ``try`` and ``except``, a notebook that stops, and ``%debug`` see what was raised.
``%xmode Verbose`` shows every frame.

IPython asks an exception for ``_render_traceback_``. That is used, and not ``set_custom_exc``: there is one slot of
that for all the extensions of a shell, and a handler put there has to show the traceback by itself.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

from carton_runtime import CartonError

T = TypeVar("T", bound=BaseException)

_HOOK = "_render_traceback_"
_OURS = frozenset({"carton_runtime", "carton_jupyter"})
_MACHINERY = frozenset({"IPython", "ipykernel", "asyncio", "concurrent", "nest_asyncio"})


def install(_ip: InteractiveShell) -> Callable[[], None]:
    """Have IPython show our errors by `render`."""
    setattr(CartonError, _HOOK, render)
    return _uninstall


def _uninstall() -> None:
    if hasattr(CartonError, _HOOK):
        delattr(CartonError, _HOOK)


def render(error: BaseException) -> list[str]:
    """The lines to show for an error, in the colours and the mode of the shell."""
    shell = get_ipython()
    if shell is None:
        return traceback.format_exception(error)
    kind, formatter = type(error), shell.InteractiveTB
    if formatter.mode == "Verbose":
        return list(formatter.structured_traceback(kind, error, error.__traceback__, tb_offset=1))
    frames = _readers_frames(error.__traceback__)
    return list(formatter.structured_traceback(kind, _without_history(error), frames, tb_offset=0))


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while a magic waited; shown as our errors are."""

    def _render_traceback_(self) -> list[str]:
        return render(self)


Interrupted.__name__ = "KeyboardInterrupt"  # what every notebook calls it


@contextmanager
def interruptible(told: str = "") -> Iterator[None]:
    """Make an interrupt in this block one that is shown in short.

    Args:
        told: what to say of it.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(told).with_traceback(error.__traceback__) from None


def _readers_frames(trace: TracebackType | None) -> TracebackType | None:
    """The frames down to the call that entered our code: what lies below is ours, or the library's for us."""
    shown: TracebackType | None = None
    for step in reversed(list(_before_ours(trace))):
        shown = TracebackType(shown, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shown


def _before_ours(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        package = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in _OURS:
            return
        if package not in _MACHINERY:
            yield trace
        trace = trace.tb_next


def _without_history(error: T) -> T:
    """The same error without the causes that it was translated from; the original keeps its own."""
    shown = type(error).__new__(type(error), *error.args)
    shown.__dict__.update(error.__dict__)
    return shown
