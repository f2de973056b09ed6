"""Close what other threads may be using, without waiting for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol


class Closing(Protocol):
    """Closes something that a lock guards."""

    def __call__(self, *, blocking: bool) -> bool:
        """Whether it did: without `blocking` it does not wait for the lock."""


def close_when_free(close: Closing) -> None:
    """Close now, or in a thread as soon as nobody holds the lock.

    For the background loop, which must wait for no lock of the callers': the main thread may hold it, interrupted by a
    signal handler that waits for this very loop.
    """
    if not close(blocking=False):
        wait: Callable[[], bool] = lambda: close(blocking=True)  # noqa: E731
        threading.Thread(target=wait, name="carton-closing", daemon=True).start()
