"""The panel: see a model, try it, stop it, in the notebook.

`CartonPanel` is the widget. It only carries messages: a `session.Session` on the runtime's background loop decides, and
`publishing` sends what is to be shown. Importing this package imports no widget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carton_jupyter.panel.widget import CartonPanel

__all__ = ["CartonPanel"]


def __getattr__(name: str) -> Any:
    """Import the widget when it is asked for: it takes ipywidgets along."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from carton_jupyter.panel.widget import CartonPanel

    return CartonPanel
