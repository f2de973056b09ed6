"""What a panel is about: a carton, and the model that runs from it, if it does."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any

import carton_runtime as carton
from carton_jupyter.presenter.panel_view import LoadPhase

Model = carton.Carton | carton.sync.Carton
Given = Model | carton.CartonInfo | str | os.PathLike[str]


class Subject:
    """A carton in its life.

    Args:
        info: what it says.
        model: what runs from it.
        keeps: whether the model lives as long as the panel does, and not only as long as the notebook has it.
        on_gone: called when the model was not kept and nobody has it any more; from any thread.

    Attributes:
        info: what the carton says.
        error: why it could not be loaded.
    """

    def __init__(
        self, info: carton.CartonInfo, model: Model | None, *, keeps: bool, on_gone: Callable[[], None]
    ) -> None:
        self.info = info
        self._phase: LoadPhase = "card"
        self.error: Exception | None = None
        self._on_gone = on_gone
        self._held: Model | None = None
        self._known: Callable[[], Any] = _nothing
        if model is not None:
            self.adopt(model, keeps=keeps)

    @property
    def phase(self) -> LoadPhase:
        """Where the model is in its life; somebody else may have closed it, or have let go of it."""
        is_over = self._phase == "loaded" and (self.given is None or self.given.is_closed)
        return "unloaded" if is_over else self._phase

    @phase.setter
    def phase(self, phase: LoadPhase) -> None:
        self._phase = phase

    @property
    def given(self) -> Model | None:
        """The model as it was given: to be awaited, or blocking."""
        found: Model | None = self._held or self._known()
        return found

    @property
    def model(self) -> carton.Carton | None:
        """The model, to be awaited."""
        return awaitable(self.given)

    @property
    def kernel(self) -> carton.Kernel | None:
        """Its process."""
        model = self.model
        return model.kernel if model is not None and self.phase == "loaded" else None

    def required(self) -> carton.Carton:
        """The model.

        Raises:
            ModelClosedError: there is none.
        """
        model = self.model if self.phase == "loaded" else None
        if model is None:
            raise carton.ModelClosedError(f"model {self.info.title!r} is not loaded")
        return model

    def adopt(self, model: Model, *, keeps: bool) -> None:
        """This is what runs from now on."""
        self.drop()
        self.info = model.info
        self.phase = "loaded"
        if keeps:
            self._held = model
        else:
            self._known = weakref.ref(model, lambda _known: self._on_gone())

    def drop(self) -> None:
        """Let go of the model."""
        self._held, self._known = None, _nothing


def awaitable(model: Model | None) -> carton.Carton | None:
    """The model that is awaited, of a blocking one."""
    return model.asynchronous if isinstance(model, carton.sync.Carton) else model


def _nothing() -> None:
    return None
