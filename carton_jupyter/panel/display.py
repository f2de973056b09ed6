"""A notebook shows the panel of what a terminal shows the card of: models, and what cartons say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton
from carton_jupyter.magics import CartonMagics

_SHOWN = (carton.Carton, carton.sync.Carton, carton.CartonInfo)


def install(ip: InteractiveShell) -> Callable[[], None]:
    """Show panels beside the cards, where there is a front end, once the magics are there, which say whether.

    The result stops that.
    """
    if ip.display_formatter is None or getattr(ip, "kernel", None) is None:
        return lambda: None
    formatter = ip.display_formatter.mimebundle_formatter

    def show(shown: Any, **_options: Any) -> dict[str, Any]:
        return _panel(shown) if ip.magics_manager.registry[CartonMagics.__name__].panel else {}

    for kind in _SHOWN:
        formatter.for_type(kind, show)

    def uninstall() -> None:
        for kind in _SHOWN:
            formatter.pop(kind, None)

    return uninstall


def _panel(shown: Any) -> dict[str, Any]:
    """The widget alone: the card is there as HTML and as text already, for who has no widgets."""
    from carton_jupyter.panel.widget import CartonPanel, reference

    return reference(CartonPanel(shown, keeps=False))
