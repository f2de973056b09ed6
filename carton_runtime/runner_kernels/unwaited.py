"""What the background loop does with locks that callers take: it waits for none of them.

The main thread may hold one, interrupted by a signal handler that waits for this very loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol


class Work(Protocol):
    """Does something that a lock guards."""

    def __call__(self, *, blocking: bool) -> bool:
        """Whether it did: without `blocking` it does not wait for the lock."""


def do_when_free(work: Work) -> None:
    """Do it now, or in a thread as soon as nobody holds the lock."""
    if not work(blocking=False):
        wait: Callable[[], bool] = lambda: work(blocking=True)  # noqa: E731
        threading.Thread(target=wait, name="carton-unwaited", daemon=True).start()
