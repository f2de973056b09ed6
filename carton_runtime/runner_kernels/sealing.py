"""Inputs that a kernel keeps: counted, and released when nobody can use them any more."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

LIFETIME = 600.0
"""Seconds after which sealed inputs that were not used are released."""


@dataclass
class _Kept:
    """Inputs of one handle.

    Attributes:
        handle: what the kernel knows them by.
        owner: gives who may still use them, or `None`.
        deadline: when their time is over.
    """

    handle: int
    owner: Callable[[], object]
    deadline: float


class SealedInputs:
    """The handles of one kernel, each known by the call that sealed it: a model may use its numbers again.

    All may be called from any thread. Whether anybody still has a handle is looked up when it is asked: there are no
    finalizers, in which an interrupt would be lost.
    """

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, call: int, handle: int, owner: object | None) -> None:
        """The kernel keeps the inputs that `call` sealed under `handle`, for as long as somebody has `owner`."""
        self._kept[call] = _Kept(handle, _owned_by(owner), time.monotonic() + LIFETIME)

    def hand_over(self, call: int, owner: object | None) -> None:
        """The inputs that `call` sealed are kept for as long as somebody has `owner` instead."""
        kept = self._kept.get(call)
        if kept is not None:
            kept.owner = _owned_by(owner)

    def take(self, call: int) -> None:
        """The handle is used: the kernel sees to it from here on."""
        self._kept.pop(call, None)

    def forget(self, call: int) -> None:
        """The handle will not be used."""
        self.hand_over(call, None)

    def to_release(self) -> list[int]:
        """The handles to release now: those that nobody can use any more, and those whose time is over."""
        now = time.monotonic()
        due = [call for call, kept in list(self._kept.items()) if kept.owner() is None or kept.deadline < now]
        released = (self._kept.pop(call, None) for call in due)
        return [kept.handle for kept in released if kept is not None]


def _owned_by(owner: object | None) -> Callable[[], object]:
    return (lambda: None) if owner is None else weakref.ref(owner)
