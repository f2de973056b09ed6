"""`CartonMagics`: the magics as IPython knows them."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionInfo
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, output_can_be_silenced
from IPython.display import display
from traitlets import Enum, default

import carton_runtime as carton
from carton_jupyter import presenter
from carton_jupyter.kernel_table import KernelTable
from carton_jupyter.magics import cache as caching
from carton_jupyter.magics import info as looking
from carton_jupyter.magics import kernels as running
from carton_jupyter.magics import load as loading
from carton_jupyter.magics import pack as packing
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.magics.continuation import unfold
from carton_jupyter.presenter import html, text
from carton_jupyter.progress import ProgressBar
from carton_runtime.background import run_blocking

T = TypeVar("T")

PARSERS = {
    "carton_load": loading.PARSER,
    "carton_pack": packing.PARSER,
    "carton_info": looking.PARSER,
    "carton_cache": caching.PARSER,
    "carton_kernels": running.KERNELS_PARSER,
    "carton_restart": running.RESTART_PARSER,
    "carton_unload": running.UNLOAD_PARSER,
}
"""The parser of each magic, by its name."""


def _documented(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``%magic?`` show what ``%magic --help`` prints."""
    magic.__doc__ = f"{magic.__doc__}\n\n{PARSERS[magic.__name__].format_help()}"
    return magic


@magics_class
class CartonMagics(Magics):
    """Pack, load and look at cartons.

    Each magic waits in its cell while the runtime's own thread works, so that the notebook's event loop may be running
    or not; interrupting the cell cancels the work.
    """

    progress = Enum(
        ["auto", "off"],
        help="Whether steps that take longer than a moment show a bar. CARTON_PROGRESS=off turns it off.",
    ).tag(config=True)

    @default("progress")
    def _default_progress(self) -> str:
        return "off" if os.environ.get("CARTON_PROGRESS", "").lower() == "off" else "auto"

    @output_can_be_silenced
    @line_magic
    @_documented
    def carton_load(self, line: str) -> carton.Carton | None:
        """Load a carton: ``m = %carton_load x.carton``."""
        arguments = self._parse(loading.PARSER, line)
        if arguments is None:
            return None
        info = None
        if loading.is_far(arguments.path):
            info = run_blocking(carton.get_model_info(arguments.path))
            card = presenter.bundle(info)  # and no panel yet: the model's own follows
            display(card, raw=True)  # type: ignore[no-untyped-call]  # IPython leaves it without types
        return self._assign(arguments, self._run(loading.load, arguments, info))

    @output_can_be_silenced
    @line_cell_magic
    @_documented
    def carton_pack(self, line: str, cell: str | None = None) -> Path | None:
        """Pack a folder of code, or this cell."""
        if cell is not None and self.shell is not None:
            line, cell = unfold(line, cell, self.shell)
        arguments = self._parse(packing.PARSER, line)
        if arguments is None:
            return None
        path = self._assign(arguments, self._run(packing.pack, arguments, cell, self._namespace))
        silenced = cell is not None and line.rstrip().endswith(";")  # IPython looks at the end of the cell alone
        return None if silenced else path

    @output_can_be_silenced
    @line_magic
    @_documented
    def carton_info(self, line: str) -> carton.CartonInfo | None:
        """Show what a carton says about itself."""
        arguments = self._parse(looking.PARSER, line)
        return None if arguments is None else self._assign(arguments, run_blocking(looking.look(arguments)))

    @line_magic
    @_documented
    def carton_cache(self, line: str) -> None:
        """Show what cartons take on the disk."""
        arguments = caching.PARSER.parse_line(line)
        if arguments is not None:
            view = self._run(caching.look, arguments)
            bundle = {"text/html": html.cached(view), "text/plain": text.cached(view)}
            display(bundle, raw=True)  # type: ignore[no-untyped-call]  # as above

    @line_magic
    @_documented
    def carton_kernels(self, line: str) -> None:
        """Show the processes of all loaded models."""
        if running.KERNELS_PARSER.parse_line(line) is not None:
            self.stop_table()
            self._table = KernelTable(self._cell)
            self._table.show()

    @line_magic
    @_documented
    def carton_restart(self, line: str) -> None:
        """Start the process of a model anew."""
        arguments = running.RESTART_PARSER.parse_line(line)
        if arguments is not None:
            run_blocking(running.model_named(arguments, self._namespace).restart())

    @line_magic
    @_documented
    def carton_unload(self, line: str) -> None:
        """End the process of a model."""
        arguments = running.UNLOAD_PARSER.parse_line(line)
        if arguments is not None:
            run_blocking(running.model_named(arguments, self._namespace).aclose())

    def stop_table(self) -> None:
        """Leave the last table of ``%carton_kernels`` as it is."""
        if self._table is not None:
            self._table.stop()
            self._table = None

    def enter_cell(self, info: ExecutionInfo) -> None:
        """Take note of the cell that is about to run; a table in it is gone."""
        self._cell = info.cell_id
        if self._table is not None and self._table.cell == info.cell_id is not None:
            self.stop_table()

    _table: KernelTable | None = None
    _cell: str | None = None

    @property
    def _namespace(self) -> dict[str, Any]:
        return {} if self.shell is None else self.shell.user_ns

    def _parse(self, parser: MagicParser, line: str) -> Namespace | None:
        arguments = parser.parse_line(line)
        if arguments is not None and arguments.to is not None and not arguments.to.isidentifier():
            raise UsageError(f"--to takes the name of a variable, not {arguments.to!r}")
        return arguments

    def _run(self, work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        if self.progress == "off":
            return run_blocking(work(*arguments, None))
        with ProgressBar() as bar:
            return run_blocking(work(*arguments, bar))

    def _assign(self, arguments: Namespace, value: T) -> T:
        if arguments.to is not None:
            self._namespace[arguments.to] = value
        return value
