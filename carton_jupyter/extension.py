"""What the extension puts into a shell, and how it comes out again."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import ExitStack

from IPython.core.interactiveshell import InteractiveShell

from carton_jupyter import cells, completion, failures, magics, presenter, printing, terminal
from carton_jupyter.panel import display

Undo = Callable[[], None]

_PARTS: tuple[Callable[[InteractiveShell], Undo], ...] = (
    cells.install,
    magics.install,
    completion.install,
    presenter.install,
    display.install,
    failures.install,
    printing.install,
    terminal.install,
)

_installed: weakref.WeakKeyDictionary[InteractiveShell, ExitStack] = weakref.WeakKeyDictionary()


def install(ip: InteractiveShell) -> None:
    """Install every part; all of them or, when one fails, none."""
    if ip in _installed:
        return
    with ExitStack() as undo:
        for part in _PARTS:
            undo.callback(part(ip))
        _installed[ip] = undo.pop_all()


def uninstall(ip: InteractiveShell) -> None:
    """Undo `install`, last part first."""
    undo = _installed.pop(ip, None)
    if undo is not None:
        undo.close()
