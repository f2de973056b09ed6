"""A notebook shows the panel of what a terminal shows the card of: models, and what cartons say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

import carton_runtime as carton
from carton_jupyter import presenter
from carton_jupyter.magics import CartonMagics

_SHOWN = (carton.Carton, carton.sync.Carton, carton.CartonInfo)


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Show panels in place of the cards, where there is a front end, once the magics are there, which say whether.

    The result stops that.
    """
    if ip.display_formatter is None or getattr(ip, "kernel", None) is None:
        return lambda: None
    formatter = ip.display_formatter.ipython_display_formatter

    def show(shown: Any) -> None:
        if ip.magics_manager.registry[CartonMagics.__name__].panel:
            _show_panel(shown)
        else:
            display(presenter.bundle(shown), raw=True)  # type: ignore[no-untyped-call]  # IPython leaves it without types

    for kind in _SHOWN:
        formatter.for_type(kind, show)

    def uninstall() -> None:
        for kind in _SHOWN:
            formatter.pop(kind, None)

    return uninstall


def _show_panel(shown: Any) -> None:
    from carton_jupyter.panel.widget import CartonPanel

    CartonPanel(shown, keeps=False)._ipython_display_()
