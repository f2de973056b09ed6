"""The one background event loop of this process, where everything slow lives.

Loads, environment builds and the life of runner kernels run on a daemon thread of ours, so that they belong to no
caller's event loop: a model loaded under one ``asyncio.run`` works under the next, in a notebook's cells, and in plain
scripts. The loop starts on first use. It is global state, and the only one of the package besides the registry of
kernels.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

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
    """Start `work` on the background loop."""
    return asyncio.run_coroutine_threadsafe(work, background_loop())


async def run(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, which runs on the background loop, from any loop; cancelling this cancels it there."""
    if asyncio.get_running_loop() is background_loop():
        return await work
    future = submit(work)
    waiting = asyncio.wrap_future(future)
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=TICK)
    finally:
        # An interrupt may surface here as any exception at all; the work must not outlive its caller.
        future.cancel()
    return waiting.result()


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the background loop and wait for it in this thread; a `KeyboardInterrupt` cancels it."""
    if threading.current_thread().name == "carton-runtime":
        work.close()
        raise RuntimeError("a blocking call on the background loop would wait for itself; await it instead")
    future = submit(work)
    try:
        return future.result()
    except KeyboardInterrupt:
        future.cancel()
        raise


def _forget_after_fork() -> None:
    # The thread does not exist in the child; its loop and its lock are of no use there.
    global _loop, _lock  # noqa: PLW0603
    _loop = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
