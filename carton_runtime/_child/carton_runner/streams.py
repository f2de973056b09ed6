"""Streaming calls between two items: suspended until the host wants more."""

from __future__ import annotations

import threading
from typing import Dict, Iterator

from carton_wire.values import Tensor

Results = Iterator[Dict[str, Tensor]]


class Stream:
    """The results of one streaming call, and how many the host wants.

    Wishes may come while a thread is at work for an earlier one: that one goes on for them too.
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self._credit = 0
        self._is_running = False
        self._is_closing = False
        self._lock = threading.Lock()

    def wants(self, credit: int) -> bool:
        """Take note of a wish; whether the caller has to see to it."""
        with self._lock:
            self._credit += credit
            begin = not self._is_running
            self._is_running = True
            return begin

    def goes_on(self) -> bool:
        """Whether another item is wanted; if not, the stream is suspended from now on."""
        with self._lock:
            self._is_running = self._credit > 0 and not self._is_closing
            self._credit -= self._is_running
            return self._is_running

    def leave(self) -> bool:
        """The host wants no more; whether the caller has to close the stream, since nobody is at work on it."""
        with self._lock:
            self._is_closing = True
            begin = not self._is_running
            self._is_running = True
            return begin

    @property
    def is_closing(self) -> bool:
        """Whether the host wants no more."""
        return self._is_closing

    def close(self) -> None:
        """Let the model's iterator clean up."""
        self.results.close()  # type: ignore[attr-defined]  # all of them are generators of `carton_runner.results`
