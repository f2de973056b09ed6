"""Where calls run: in the main thread, one after the other; or in several threads at once."""

from __future__ import annotations

import queue
import threading
from typing import Callable

Job = Callable[[], None]


class Inline:
    """Runs each job at once, in the thread that asks: the quickest, and what most models need."""

    def run(self, job: Job) -> None:
        """Run `job` to its end."""
        job()

    def close(self) -> None:
        """Nothing is left to do."""


class Threads:
    """Runs up to `count` jobs at once, in the order they come."""

    def __init__(self, count: int) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"model-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def run(self, job: Job) -> None:
        """Run `job` when a thread is free."""
        self._jobs.put(job)

    def close(self) -> None:
        """Wait for the jobs that were given."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while True:
            job = self._next()
            if job is None:
                return
            try:
                job()
            except KeyboardInterrupt:
                continue  # an interrupt that came when its call was just over

    def _next(self) -> Job | None:
        while True:
            try:
                return self._jobs.get()
            except KeyboardInterrupt:
                continue  # likewise
