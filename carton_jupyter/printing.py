"""What a model prints appears in the cell that called it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from IPython.core.interactiveshell import InteractiveShell

_LOGGER = logging.getLogger("carton_runtime.model")


class CellPrinter(logging.Handler):
    """Prints the lines of models.

    The runtime hands each line over in the context in which its call was made, by which Jupyter knows the cell.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line, to the stream that the model used."""
        stream = sys.stderr if getattr(record, "stream", "") == "stderr" else sys.stdout
        print(getattr(record, "text", record.getMessage()), file=stream, flush=True)


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Print what models print; the result stops that."""
    del ip  # the streams of a process are those of its one shell
    printer = CellPrinter(level=logging.INFO)
    level = _LOGGER.level
    _LOGGER.addHandler(printer)
    _LOGGER.setLevel(min(level or logging.INFO, logging.INFO))
    propagates, _LOGGER.propagate = _LOGGER.propagate, False

    def uninstall() -> None:
        _LOGGER.removeHandler(printer)
        _LOGGER.setLevel(level)
        _LOGGER.propagate = propagates

    return uninstall
