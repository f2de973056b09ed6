"""`CartonMagics`: the magics as IPython knows them."""

from __future__ import annotations

from argparse import Namespace
from collections import ChainMap
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult
from IPython.core.magic import (
    line_cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
    output_can_be_silenced,
)
from IPython.display import display

import carton_runtime as carton
from carton_jupyter import cells
from carton_jupyter.failures import interruptible
from carton_jupyter.kernel_table import KernelTable
from carton_jupyter.magics import cache as caching
from carton_jupyter.magics import info as looking
from carton_jupyter.magics import kernels as serving
from carton_jupyter.magics import load as loading
from carton_jupyter.magics import pack as packing
from carton_jupyter.magics import run as running
from carton_jupyter.magics import selftests as testing
from carton_jupyter.magics.arguments import MagicParser
from carton_jupyter.magics.continuation import unfold
from carton_jupyter.magics.defaults import MagicDefaults
from carton_jupyter.magics.models import check_path, model_named
from carton_jupyter.magics.passing_card import PassingCard
from carton_jupyter.presenter import html, text
from carton_jupyter.progress import ProgressBar
from carton_jupyter.terminal import is_terminal
from carton_runtime.background import run_blocking

T = TypeVar("T")

PARSERS = {
    "carton_load": loading.PARSER,
    "carton_run": running.PARSER,
    "carton_test": testing.PARSER,
    "carton_pack": packing.PARSER,
    "carton_info": looking.PARSER,
    "carton_cache": caching.PARSER,
    "carton_kernels": serving.KERNELS_PARSER,
    "carton_restart": serving.RESTART_PARSER,
    "carton_unload": serving.UNLOAD_PARSER,
}
"""The parser of each magic, by its name."""


def _documented(magic: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``%magic?`` show what ``%magic --help`` prints."""
    magic.__doc__ = f"{magic.__doc__}\n\n{PARSERS[magic.__name__].format_help()}"
    return magic


@magics_class
class CartonMagics(MagicDefaults):
    """Load, run, test, pack and look at cartons.

    Each magic waits in its cell while the runtime's own thread works, so that the notebook's event loop may be running
    or not; interrupting the cell cancels the work.
    """

    @output_can_be_silenced
    @line_magic
    @_documented
    def carton_load(self, line: str) -> carton.Carton | None:
        """Load a carton: ``m = %carton_load x.carton``."""
        arguments = self._parse(loading.PARSER, line)
        if arguments is None:
            return None
        check_path(arguments.path, self._namespace)
        if not loading.is_far(arguments.path):
            return self._assign(arguments, self._run(loading.load, arguments, None))
        info = self._wait(carton.get_model_info(arguments.path))
        card = PassingCard(info)
        model = self._run(loading.load, arguments, info)
        card.expect(model)
        self._card = card
        return self._assign(arguments, model)

    @output_can_be_silenced
    @needs_local_scope
    @no_var_expand
    @line_magic
    @_documented
    def carton_run(self, line: str, local_ns: Mapping[str, Any]) -> running.Outputs | running.Results | None:
        """Run a model: ``out = %carton_run m x=array``."""
        arguments, inputs = running.parse(line)
        if arguments is None:
            return None
        with interruptible("the call was stopped; the model stays loaded"):
            outputs = running.run(self._checked(arguments), inputs, self._scope(local_ns))
        return self._assign(arguments, outputs)

    @output_can_be_silenced
    @needs_local_scope
    @line_magic
    @_documented
    def carton_test(self, line: str, local_ns: Mapping[str, Any]) -> carton.SelfTestReport | None:
        """Run a model's self tests: ``report = %carton_test m``."""
        arguments = self._parse(testing.PARSER, line)
        if arguments is None:
            return None
        subject = testing.subject(arguments, self._scope(local_ns))
        title, report = self._run(testing.check, subject, arguments)
        self._assign(arguments, report)
        if arguments.strict and (complaint := testing.complaint(title, report)):
            display(report)  # type: ignore[no-untyped-call]  # as above
            raise carton.ModelError(complaint)
        return report

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
    @needs_local_scope
    @line_magic
    @_documented
    def carton_info(self, line: str, local_ns: Mapping[str, Any]) -> carton.CartonInfo | None:
        """Show what a carton says about itself: ``info = %carton_info x.carton``."""
        arguments = self._parse(looking.PARSER, line)
        if arguments is None:
            return None
        return self._assign(arguments, self._wait(looking.look(arguments, self._scope(local_ns))))

    @line_magic
    @_documented
    def carton_cache(self, line: str) -> None:
        """Show what cartons take on the disk."""
        arguments = caching.PARSER.parse_line(line)
        if arguments is not None:
            view = self._run(caching.look, arguments)
            bundle = {"text/html": html.cached(view), "text/plain": text.cached(view)}
            display(bundle, raw=True)  # type: ignore[no-untyped-call]  # IPython leaves it without types

    @line_magic
    @_documented
    def carton_kernels(self, line: str) -> None:
        """Show the processes of all loaded models."""
        if serving.KERNELS_PARSER.parse_line(line) is not None:
            self.stop_table()
            self._table = KernelTable()
            self._table.show(keep_up=not is_terminal(self.shell))
            cells.keep(self._table)

    @needs_local_scope
    @line_magic
    @_documented
    def carton_restart(self, line: str, local_ns: Mapping[str, Any]) -> None:
        """Start the process of a model anew."""
        arguments = serving.RESTART_PARSER.parse_line(line)
        if arguments is not None:
            self._wait(model_named(arguments.model, self._scope(local_ns)).restart())

    @needs_local_scope
    @line_magic
    @_documented
    def carton_unload(self, line: str, local_ns: Mapping[str, Any]) -> None:
        """End the process of a model."""
        arguments = serving.UNLOAD_PARSER.parse_line(line)
        if arguments is not None:
            self._wait(model_named(arguments.model, self._scope(local_ns)).aclose())

    def stop_table(self) -> None:
        """Leave the last table of ``%carton_kernels`` as it is."""
        if self._table is not None:
            self._table.close()
            self._table = None

    def enter_cell(self, _info: ExecutionInfo) -> None:
        """Forget what the last cell showed."""
        self._card = None

    def leave_cell(self, result: ExecutionResult) -> None:
        """Take note of what the cell that has ended showed."""
        if self._card is not None:
            self._card.settle(result.result)
            self._card = None

    _card: PassingCard | None = None
    _table: KernelTable | None = None

    @property
    def _namespace(self) -> dict[str, Any]:
        return {} if self.shell is None else self.shell.user_ns

    def _scope(self, local_ns: Mapping[str, Any]) -> Mapping[str, Any]:
        """The variables that the caller of a magic sees: a magic may stand in a function."""
        return ChainMap(dict(local_ns), self._namespace)

    def _parse(self, parser: MagicParser, line: str) -> Namespace | None:
        arguments = parser.parse_line(line)
        return None if arguments is None else self._checked(arguments)

    def _checked(self, arguments: Namespace) -> Namespace:
        if arguments.to is not None and not arguments.to.isidentifier():
            raise UsageError(f"--to takes the name of a variable, not {arguments.to!r}")
        return self.fill(arguments)

    def _run(self, work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        if self.progress == "off":
            return self._wait(work(*arguments, None))
        with ProgressBar() as bar:
            return self._wait(work(*arguments, bar))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        with interruptible():
            return run_blocking(work)

    def _assign(self, arguments: Namespace, value: T) -> T:
        if arguments.to is not None:
            self._namespace[arguments.to] = value
        return value
