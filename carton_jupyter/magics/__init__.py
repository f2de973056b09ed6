"""The magics: parse a line, and hand it to the runtime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from carton_jupyter.magics.commands import CartonMagics
from carton_jupyter.magics.defaults import drop_refused

__all__ = ["CartonMagics", "install"]


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Add the magics to a shell; the result takes them out again."""
    drop_refused(ip, CartonMagics)
    magics = CartonMagics(shell=ip)
    ip.register_magics(magics)
    ip.events.register("pre_run_cell", magics.enter_cell)
    ip.events.register("post_run_cell", magics.leave_cell)

    def uninstall() -> None:
        ip.events.unregister("pre_run_cell", magics.enter_cell)
        ip.events.unregister("post_run_cell", magics.leave_cell)
        magics.stop_table()
        for kind, names in magics.magics.items():
            for name in names:
                ip.magics_manager.magics[kind].pop(name, None)
        ip.magics_manager.registry.pop(CartonMagics.__name__, None)
        configurables: list[Any] = ip.configurables
        configurables.remove(magics)

    return uninstall
