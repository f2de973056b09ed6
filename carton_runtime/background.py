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
import threading
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

TICK = 0.2
"""Seconds after which every wait wakes: a notebook's interrupt lands only when the loop turns."""

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """The loop, started if it is not running yet. From any thread."""
    global _loop  # noqa: PLW0603  the module's text says why
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="carton-runtime", daemon=True).start()
        return _loop


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
        await _until_done(job.ended)
    except BaseException:
        # An interrupt may surface here as any exception at all; the work must not outlive its caller.
        job.cancel()
        await _until_done(job.ended)
        raise
    return job.ended.result()


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the background loop and wait for it in this thread.

    A `KeyboardInterrupt`, or whatever else a signal's handler raises, cancels it and waits until it has cleaned up; a
    second one does not wait.
    """
    if threading.current_thread().name == "carton-runtime":
        work.close()
        raise RuntimeError("a blocking call on the background loop would wait for itself; await it instead")
    job = _Job(work)
    try:
        concurrent.futures.wait([job.ended])
    except BaseException:
        job.cancel()
        concurrent.futures.wait([job.ended])
        raise
    return job.ended.result()


class _Job(Generic[T]):
    """Work on the background loop, and a future that is done only when the work is, cancelled or not."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self.ended: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._work = work
        self._task: asyncio.Task[T] | None = None
        background_loop().call_soon_threadsafe(self._start)

    def cancel(self) -> None:
        """Have the work cancelled; from any thread."""
        background_loop().call_soon_threadsafe(self._cancel)

    def _start(self) -> None:
        self._task = background_loop().create_task(self._work)
        self._task.add_done_callback(self._pass_on)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _pass_on(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.ended.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self.ended.set_exception(error)
        else:
            self.ended.set_result(task.result())


async def _until_done(future: concurrent.futures.Future[Any]) -> None:
    """Wait for a future of another thread, waking every so often; its outcome stays in it."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def tell(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # this loop was closed; nobody waits here any more
            loop.call_soon_threadsafe(wake)

    future.add_done_callback(tell)
    while not future.done():
        await asyncio.wait({waiter}, timeout=TICK)


def _forget_after_fork() -> None:
    # The thread does not exist in the child; its loop and its lock are of no use there.
    global _loop, _lock  # noqa: PLW0603
    _loop = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
