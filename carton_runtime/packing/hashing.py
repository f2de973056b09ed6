"""Hash what is written while it is written: the two take about as long, and need not wait for each other."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class Hasher:
    """A thread that hashes; leave it as a context manager."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ThreadPoolExecutor-pack")

    def digest(self) -> Digest:
        """A new hash."""
        return Digest(self._pool)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown()


class Digest:
    """The sha256 of chunks, each of them hashed while the caller does something else with it.

    Args:
        pool: a thread.
    """

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._digest = hashlib.sha256()
        self._running: Future[None] | None = None

    def update(self, chunk: bytes | memoryview) -> None:
        """Begin to hash a chunk, which must stay the same; waits for the one before, so that few are held."""
        self._wait()
        self._running = self._pool.submit(self._digest.update, chunk)

    def hexdigest(self) -> str:
        """The hash of all chunks."""
        self._wait()
        return self._digest.hexdigest()

    def _wait(self) -> None:
        if self._running is not None:
            self._running.result()
