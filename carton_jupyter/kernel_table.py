"""The live table of ``%carton_kernels``."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

from IPython.display import DisplayHandle

import carton_runtime as carton
from carton_jupyter.presenter import html, text
from carton_jupyter.presenter.view import kernels_view
from carton_runtime.background import submit

_PERIOD = 1.0
_LONGEST = 600.0  # seconds after which a table that nobody closed is left as it is


class KernelTable:
    """Shows the kernels of this process, and shows them anew when something about them has changed."""

    def __init__(self) -> None:
        self._handle: Any = DisplayHandle()  # type: ignore[no-untyped-call]  # IPython leaves it without types
        self._shown = ""
        self._updates: Future[None] | None = None

    def show(self, *, keep_up: bool = True) -> None:
        """Display the table here and now.

        Args:
            keep_up: whether to keep it up to date in the background; a terminal would print it again and again.
        """
        bundle = self._bundle()
        self._shown = bundle["text/html"]
        self._handle.display(bundle, raw=True)
        if keep_up:
            self._updates = submit(self._keep_up())

    @property
    def live(self) -> bool:
        """Whether what is shown is kept up to date."""
        return self._updates is not None and not self._updates.done()

    def close(self) -> None:
        """Leave the table as it is."""
        if self._updates is not None:
            self._updates.cancel()

    async def _keep_up(self) -> None:
        for _ in range(int(_LONGEST / _PERIOD)):
            await asyncio.sleep(_PERIOD)
            bundle = self._bundle()
            if bundle["text/html"] != self._shown:
                self._shown = bundle["text/html"]
                self._handle.update(bundle, raw=True)

    def _bundle(self) -> dict[str, Any]:
        view = kernels_view(carton.kernels())
        return {"text/html": html.kernels(view), "text/plain": text.kernels(view)}
