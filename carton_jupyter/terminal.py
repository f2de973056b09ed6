"""Ctrl-C in a terminal stops the cell that awaits something.

IPython lets go of the event loop there and leaves the cell's task as it is: a call goes on, the next cell waits for it,
and shows both results. In a notebook the kernel cancels the task; this does the same for terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell


def is_terminal(ip: InteractiveShell | None) -> bool:
    """Whether a shell prints into a terminal, where nothing that was shown can be changed."""
    return isinstance(ip, TerminalInteractiveShell)


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Have a terminal cancel what it awaits when it is interrupted; the result takes that back."""
    before = ip.loop_runner
    if not is_terminal(ip) or str(before) != "asyncio":  # another that was chosen with %autoawait stays
        return lambda: None
    ip.loop_runner = runner = CancellingRunner()

    def uninstall() -> None:
        if ip.loop_runner is runner:
            ip.loop_runner = before

    return uninstall


class CancellingRunner:
    """Runs a cell in IPython's event loop; an interrupt cancels it."""

    def __call__(self, cell: Coroutine[Any, Any, Any]) -> Any:
        """What the cell gives, once it is over. A second interrupt does not wait for that."""
        loop = get_asyncio_loop()  # type: ignore[no-untyped-call]  # IPython leaves it without types
        task = loop.create_task(cell)
        with suppress(KeyboardInterrupt):
            return loop.run_until_complete(task)
        task.cancel()
        return loop.run_until_complete(task)  # what was interrupted itself is over, and raises

    def __str__(self) -> str:
        return "asyncio"  # for %autoawait
