"""The card of a carton that is about to be downloaded."""

from __future__ import annotations

import weakref

from IPython.display import DisplayHandle, display

import carton_runtime as carton
from carton_jupyter import presenter


class PassingCard:
    """A card that is shown now, and gives way when the model shows itself as the result of the same cell.

    Args:
        info: what the carton says about itself.
    """

    def __init__(self, info: carton.CartonInfo) -> None:
        # The card alone, and no panel with a button to load what is on its way already.
        card = presenter.bundle(info)
        self._handle: DisplayHandle | None = display(card, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._model: weakref.ref[carton.Carton] | None = None

    def expect(self, model: carton.Carton) -> None:
        """Note whose card this is, once it is loaded."""
        self._model = weakref.ref(model)

    def settle(self, shown: object) -> None:
        """The cell has ended; `shown` is the result that it showed."""
        if self._handle is not None and self._model is not None and shown is self._model():
            self._handle.update({"text/plain": ""}, raw=True)  # type: ignore[no-untyped-call]
