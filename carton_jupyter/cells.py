"""What a cell shows and keeps alive: it is closed when that cell runs again, for then it is off the screen.

A cell is known by the id that the front end gives it. Where that has none, what is shown lives until it is closed.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell


class Closable(Protocol):
    """What can be shown."""

    def close(self) -> None:
        """Take it off the screen."""


class Cells:
    """The cells of one shell. Made while a cell runs, or between two.

    Args:
        shell: whose.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._current = _cell_now(shell)
        self._shown: dict[str | None, weakref.WeakSet[Any]] = {}
        shell.events.register("pre_run_cell", self._enter)

    def keep(self, shown: Closable) -> None:
        """This belongs to the cell that runs now."""
        self._shown.setdefault(self._current, weakref.WeakSet()).add(shown)

    def close(self, shell: InteractiveShell) -> None:
        """Close everything, and see to no cell of this shell any more."""
        shell.events.unregister("pre_run_cell", self._enter)
        for cell in list(self._shown):
            self._close(cell)

    def _enter(self, info: ExecutionInfo) -> None:
        self._current = info.cell_id
        if info.cell_id is not None:
            self._close(info.cell_id)

    def _close(self, cell: str | None) -> None:
        for shown in list(self._shown.pop(cell, ())):
            shown.close()


_of: weakref.WeakKeyDictionary[InteractiveShell, Cells] = weakref.WeakKeyDictionary()


def keep(shown: Closable) -> None:
    """Have something closed when the cell that runs now runs again."""
    shell = get_ipython()
    if shell is not None:
        _cells(shell).keep(shown)


def install(ip: InteractiveShell) -> Callable[[], None]:
    """See to the cells of a shell from now on; the result closes what they show."""
    _cells(ip)

    def uninstall() -> None:
        if (known := _of.pop(ip, None)) is not None:
            known.close(ip)

    return uninstall


def _cells(shell: InteractiveShell) -> Cells:
    if shell not in _of:
        _of[shell] = Cells(shell)
    return _of[shell]


def _cell_now(shell: InteractiveShell) -> str | None:
    """The cell that runs now, as its front end has told the kernel."""
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None else {}
    cell = parent.get("metadata", {}).get("cellId")
    return cell if isinstance(cell, str) else None
