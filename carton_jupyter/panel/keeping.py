"""Errors that are kept for as long as a panel is there."""

from __future__ import annotations

import traceback
from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def without_locals(error: E) -> E:
    """The error itself, to be kept: what its traceback's functions had at hand is let go, the model among it."""
    seen: set[int] = set()
    rest: list[BaseException | None] = [error]
    while rest:
        found = rest.pop()
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            traceback.clear_frames(found.__traceback__)
            rest += [found.__cause__, found.__context__]
    return error
