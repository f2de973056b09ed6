"""Where calls run: in the main thread, one after the other; or in several threads at once."""

from __future__ import annotations

import queue
import threading
from typing import Any, Callable

Job = Callable[..., None]


class Inline:
    """Runs each job at once, in the thread that asks: the quickest, and what most models need."""

    def run(self, job: Job, *arguments: Any) -> None:
        """Run `job` to its end."""
        job(*arguments)

    def close(self) -> None:
        """Nothing is left to do."""


class Threads:
    """Runs up to `count` jobs at once, in the order they come."""

    def __init__(self, count: int) -> None:
        self._jobs: queue.SimpleQueue[tuple[Job, tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"model-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def run(self, job: Job, *arguments: Any) -> None:
        """Run `job` when a thread is free."""
        self._jobs.put((job, arguments))

    def close(self) -> None:
        """Wait for the jobs that were given."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            taken = self._next()
            if taken is None:
                return
            job, arguments = taken
            try:
                job(*arguments)
            except KeyboardInterrupt:
                continue  # an interrupt that came when its call was just over

    def _next(self) -> tuple[Job, tuple[Any, ...]] | None:
        while True:
            try:
                return self._jobs.get()
            except KeyboardInterrupt:
                continue  # likewise
