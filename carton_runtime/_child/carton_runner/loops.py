"""The event loop of the model's coroutines: one for the whole life of the process."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import Any, Awaitable, Callable, Protocol

from .striking import strike


class Elsewhere(Protocol):
    """What a call waits for that runs in another thread, which it shares with others."""

    def interrupt(self) -> None:
        """Interrupt it, and none of the others."""

    def waits(self) -> bool:
        """Whether one of the others has the thread."""


class Turns(Protocol):
    """Where a loop says how the call whose turn it is can be reached: see `carton_runner.turns.Turns`."""

    def on_cancel(self, canceller: Callable[[], Any], elsewhere: Elsewhere | None = None) -> None:
        """Have `canceller` called when that call is cancelled."""


class Loop:
    """Runs coroutines on an event loop that is made when first needed.

    Args:
        turns: is told how to cancel and to interrupt what is being waited for.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def share(self) -> None:
        """Run the loop in a thread of its own from now on, so that several threads can wait on it at once."""
        loop = self._ensure()
        self._thread = threading.Thread(target=_run, args=(loop,), name="model-loop", daemon=True)
        self._thread.start()

    def wait(self, awaitable: Awaitable[Any]) -> Any:
        """Run until `awaitable` is done; its result."""
        loop = self._ensure()
        if self._thread is not None:
            return self._wait_for_thread(_Shared(loop, self._thread, awaitable))
        task = loop.create_task(_as_coroutine(awaitable))
        self._turns.on_cancel(lambda: loop.call_soon_threadsafe(task.cancel))
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

    def _wait_for_thread(self, shared: _Shared) -> Any:
        try:
            self._turns.on_cancel(shared.cancel, shared)
            return shared.result()
        except KeyboardInterrupt:
            shared.cancel()
            shared.wait()
            raise

    def _ensure(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop


class _Shared:
    """An awaitable on a loop that another thread runs. It is over when it has ended, not when it was cancelled.

    Args:
        loop: where it runs.
        thread: which runs that.
        awaitable: what to wait for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, thread: threading.Thread, awaitable: Awaitable[Any]) -> None:
        self._loop = loop
        self._thread = thread
        self._awaitable = awaitable
        self._task: asyncio.Task[Any] | None = None
        self._over: concurrent.futures.Future[asyncio.Task[Any]] = concurrent.futures.Future()

    def result(self) -> Any:
        """Begin, wait for the end, and give what came of it."""
        self._loop.call_soon_threadsafe(self._begin)
        return self.wait().result()

    def wait(self) -> asyncio.Task[Any]:
        """Wait for the end."""
        return self._over.result()

    def cancel(self) -> None:
        """Cancel it, from any thread; also before it has begun, and then it ends at its first ``await``."""
        self._loop.call_soon_threadsafe(self._cancel)

    def interrupt(self) -> None:
        """See `Elsewhere`: the thread is struck only where it computes this very awaitable."""
        if self._task is not None and asyncio.current_task(self._loop) is self._task:
            strike(self._thread.ident)
        else:
            self.cancel()

    def waits(self) -> bool:
        """See `Elsewhere`."""
        return asyncio.current_task(self._loop) not in (None, self._task)

    def _begin(self) -> asyncio.Task[Any]:
        if self._task is None:
            self._task = self._loop.create_task(_as_coroutine(self._awaitable))
            self._task.add_done_callback(self._over.set_result)
        return self._task

    def _cancel(self) -> None:
        self._loop.call_soon(self._begin().cancel)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped; an interrupt of what it computes leaves the loop as well."""
    while True:
        try:
            return loop.run_forever()
        except KeyboardInterrupt:
            continue


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
