"""The one background event loop of this process, where everything slow lives.

Loads, environment builds and the life of runner kernels run on a daemon thread of ours, so that they belong to no
caller's event loop: a model loaded under one ``asyncio.run`` works under the next, in a notebook's cells, and in plain
scripts. The loop starts on first use. It is global state, and the only one of the package besides the registry of
kernels.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

TICK = 0.2
"""Seconds after which every wait wakes: a notebook's interrupt lands only when the loop turns."""

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_thread_id: int | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop, started if it is not running yet. From any thread."""
    global _loop, _thread_id
    loop = _loop
    if loop is not None:  # as good as always; and a signal handler may come while its thread has the lock
        return loop
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="carton-runtime", daemon=True)
            thread.start()
            _loop, _thread_id = loop, thread.ident
        return _loop


def is_here() -> bool:
    """Whether this thread runs the background loop."""
    return threading.get_ident() == _thread_id


def submit(work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Start `work` on the background loop. Cancelling the future cancels the work, which then cleans up unawaited."""
    return asyncio.run_coroutine_threadsafe(work, background_loop())


async def run(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, which runs on the background loop, from any loop.

    Cancelling this cancels it there and waits until it has cleaned up; a second cancellation does not wait.
    """
    if asyncio.get_running_loop() is background_loop():
        return await work
    job = _Job(work)
    try:
        await job.over()
    except BaseException:
        # An interrupt may surface here as any exception at all; the work must not outlive its caller.
        job.cancel()
        await job.over()
        raise
    return job.outcome()


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the background loop and wait for it in this thread.

    A `KeyboardInterrupt`, or whatever else a signal's handler raises, cancels it and waits until it has cleaned up; a
    second one does not wait.
    """
    if is_here():
        work.close()
        raise RuntimeError("a blocking call on the background loop would wait for itself; await it instead")
    job = _Job(work)
    try:
        job.wait()
    except BaseException:
        job.cancel()
        job.wait()
        raise
    return job.outcome()


class _Job(Generic[T]):
    """Work on the background loop, and who is told when it is over, cancelled or not.

    Those who wait take no lock that the background loop takes: Python's futures and conditions stay locked for ever if
    an interrupt strikes just after they were locked, and then the background loop would stand still.
    """

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._is_over = False
        self._told: list[Callable[[], None]] = []
        background_loop().call_soon_threadsafe(self._start)

    def cancel(self) -> None:
        """Have the work cancelled; from any thread."""
        background_loop().call_soon_threadsafe(self._cancel)

    def wait(self) -> None:
        """Wait in this thread until the work is over, waking now and then: a signal may come just before it sleeps."""
        bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._tell(lambda: bell.put(None))
        while not self._is_over:
            with contextlib.suppress(queue.Empty):
                bell.get(timeout=TICK)

    async def over(self) -> None:
        """Wait in the running loop until the work is over, waking every so often."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not waiter.done():
                waiter.set_result(None)

        def ring() -> None:
            with contextlib.suppress(RuntimeError):  # this loop was closed; nobody waits here any more
                loop.call_soon_threadsafe(wake)

        self._tell(ring)
        while not self._is_over:
            await asyncio.wait({waiter}, timeout=TICK)

    def outcome(self) -> T:
        """What the work gave, once it is over; raises what it raised."""
        if self._task is None or self._task.cancelled():
            raise asyncio.CancelledError
        return self._task.result()

    def _tell(self, tell: Callable[[], None]) -> None:
        self._told.append(tell)
        if self._is_over:
            tell()  # a second time, perhaps, which does no harm

    def _start(self) -> None:
        self._task = background_loop().create_task(self._work)
        self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _end(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # or asyncio would complain of one whose caller was interrupted
        self._is_over = True
        for tell in list(self._told):
            tell()


def _forget_after_fork() -> None:
    # The thread does not exist in the child; its loop and its lock are of no use there.
    global _loop, _thread_id, _lock  # noqa: PLW0603
    _loop = _thread_id = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
