"""The bytes that states name: each lives as long as the state that names it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class BlobLike(Protocol):
    """Bytes, and what they are."""

    @property
    def mime(self) -> str:
        """Their media type."""

    @property
    def data(self) -> bytes:
        """The bytes."""


@dataclass
class Blobs:
    """Of one panel. Keys are never used twice, so that what a front end has under one never changes."""

    _of: dict[str, dict[str, BlobLike]] = field(default_factory=dict)
    _new: dict[str, BlobLike] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def new_key(self, name: str) -> str:
        """A key that was not used before."""
        return f"{next(self._numbers)}:{name}"

    def replace(self, owner: str, blobs: Mapping[str, BlobLike]) -> None:
        """The blobs that `owner` names now; those before are gone."""
        self._of[owner] = dict(blobs)
        self._new = {key: blob for key, blob in self._new.items() if self.find(key) is not None}
        self._new.update(blobs)

    def find(self, key: str) -> BlobLike | None:
        """The blob of a key, if some state still names it."""
        return next((blobs[key] for blobs in self._of.values() if key in blobs), None)

    def take_new(self) -> dict[str, BlobLike]:
        """Those that were not taken yet."""
        taken, self._new = self._new, {}
        return taken
