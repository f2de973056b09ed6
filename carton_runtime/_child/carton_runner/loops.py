"""The event loop of the model's coroutines: one for the whole life of the process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Awaitable, Callable

OnCancel = Callable[[Callable[[], Any]], None]


class Loop:
    """Runs coroutines on an event loop that is made when first needed.

    Args:
        on_cancel: is told how to cancel what is being waited for.
    """

    def __init__(self, on_cancel: OnCancel) -> None:
        self._on_cancel = on_cancel
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def share(self) -> None:
        """Run the loop in a thread of its own from now on, so that several threads can wait on it at once."""
        loop = self._ensure()
        self._thread = threading.Thread(target=loop.run_forever, name="model-loop", daemon=True)
        self._thread.start()

    def wait(self, awaitable: Awaitable[Any]) -> Any:
        """Run until `awaitable` is done; its result."""
        loop = self._ensure()
        if self._thread is not None:
            return self._wait_for_thread(loop, awaitable)
        task = loop.create_task(_as_coroutine(awaitable))
        self._on_cancel(lambda: loop.call_soon_threadsafe(task.cancel))
        try:
            return loop.run_until_complete(task)
        except KeyboardInterrupt:
            # The interrupt left the loop and not the task, which must not go on behind our back.
            task.cancel()
            loop.run_until_complete(asyncio.wait({task}))
            raise

    def close(self) -> None:
        """Let what still runs on the loop finish its clean-up."""
        if self._loop is None:
            return
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _wait_for_thread(self, loop: asyncio.AbstractEventLoop, awaitable: Awaitable[Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(_as_coroutine(awaitable), loop)
        self._on_cancel(future.cancel)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise

    def _ensure(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
