"""What is shown goes out at most 15 times a second, the last of it always: a connection drops more without a word."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from carton_runtime.background import background_loop

INTERVAL = 1 / 15


class Publisher:
    """Has regions sent that have changed.

    Args:
        send: sends regions, by name; runs on the background loop.
        interval: seconds between two times.
    """

    def __init__(self, send: Callable[[frozenset[str]], None], interval: float = INTERVAL) -> None:
        self._send: Callable[[frozenset[str]], None] | None = send
        self._interval = interval
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._is_due = False
        self._last = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def touch(self, *regions: str) -> None:
        """These have changed; from any thread, without waiting."""
        with self._lock:
            self._changed.update(regions)
            was_due, self._is_due = self._is_due, True
        if not was_due:
            background_loop().call_soon_threadsafe(self._plan)

    def flush(self) -> None:
        """Send what has changed now: an answer comes after what it is about. On the background loop."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush()

    def close(self) -> None:
        """Send nothing any more; from any thread."""
        self._send = None

    def _plan(self) -> None:
        wait = max(0.0, self._last + self._interval - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(wait, self._flush)

    def _flush(self) -> None:
        self._timer = None
        with self._lock:
            changed, self._changed, self._is_due = frozenset(self._changed), set(), False
        self._last = time.monotonic()
        if changed and self._send is not None:
            self._send(changed)
