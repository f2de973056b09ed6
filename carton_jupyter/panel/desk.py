"""What the parts of a session share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from carton_jupyter.panel.blobs import Blobs


class Touch(Protocol):
    """Says that regions have changed; from any thread."""

    def __call__(self, *regions: str) -> None:
        """These have."""


@dataclass(frozen=True)
class Desk:
    """Handed to every part.

    Attributes:
        touch: says that regions have changed.
        namespace: the notebook's variables.
        blobs: the bytes that states name.
    """

    touch: Touch
    namespace: Callable[[], Mapping[str, Any]] = dict
    blobs: Blobs = field(default_factory=Blobs)
