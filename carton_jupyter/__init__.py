"""Carton in Jupyter and IPython: ``%load_ext carton_jupyter``.

Gives the magics, from ``%carton_load`` and ``%carton_run`` to ``%%carton_pack``, with completion, shows models and what
is known of them as cards, and keeps the errors of models short. Importing this package is quick; loading the extension
brings the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(ip: InteractiveShell) -> None:
    """Install everything into a shell; a second time does nothing."""
    from carton_jupyter.extension import install

    install(ip)


def unload_ipython_extension(ip: InteractiveShell) -> None:
    """Take everything out of a shell again; nothing that was not installed is touched."""
    from carton_jupyter.extension import uninstall

    uninstall(ip)
