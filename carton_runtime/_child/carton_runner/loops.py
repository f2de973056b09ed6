"""The event loop of the model's coroutines: one for the whole life of the process."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from typing import Any, Awaitable, Callable, Protocol

from .failures import ANY
from .striking import strike


class Elsewhere(Protocol):
    """What a call waits for that runs in another thread, which it shares with others."""

    def strike(self) -> bool:
        """Interrupt it, and none of the others, if the thread computes it this moment; whether it does."""

    def waits(self) -> bool:
        """Whether one of the others has the thread."""


class Turns(Protocol):
    """Where a loop says how the call whose turn it is can be reached: see `carton_runner.turns.Turns`."""

    @property
    def current(self) -> int:
        """The call whose turn it is in this context."""

    def on_cancel(self, canceller: Callable[[], Any], elsewhere: Elsewhere | None = None) -> None:
        """Have `canceller` called when that call is cancelled."""

    def off_cancel(self) -> None:
        """What that call waited for is over."""


class Loop:
    """Runs coroutines on an event loop that is made when first needed.

    Args:
        turns: is told how to cancel and to interrupt what is being waited for.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def share(self) -> None:
        """Run the loop in a thread of its own from now on, so that several threads can wait on it at once."""
        loop = self._ensure()
        loop.set_task_factory(self._new_task)
        self._thread = threading.Thread(target=self._run, args=(loop,), name="model-loop", daemon=True)
        self._thread.start()

    def wait(self, awaitable: Awaitable[Any]) -> Any:
        """Run until `awaitable` is done; its result."""
        loop = self._ensure()
        if self._thread is not None:
            return self._wait_for_thread(_Shared(loop, self._thread, self._turns.current, awaitable))
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
            self._is_closing = True
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
        finally:
            self._turns.off_cancel()

    def _new_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task = _CallTask(coroutine, loop=loop, **options)
        task.call = self._turns.current
        return task

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run the loop until we stop it: the model may do so too, and errors that are no `Exception` leave it."""
        while not self._is_closing:
            try:
                loop.run_forever()
            except ANY:
                continue  # those who wait for the task learn of it

    def _ensure(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop


class _CallTask(asyncio.Task):  # type: ignore[type-arg]  # Python 3.8 has no asyncio.Task[Any]
    """A task that knows for which call it computes; so do those that it starts."""

    call = 0


class _Shared:
    """An awaitable on a loop that another thread runs. It is over when it has ended, not when it was cancelled.

    Args:
        loop: where it runs.
        thread: which runs that.
        call: for whom.
        awaitable: what to wait for.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, thread: threading.Thread, call: int, awaitable: Awaitable[Any]
    ) -> None:
        self._loop = loop
        self._thread = thread
        self._call = call
        self._awaitable = awaitable
        self._context = contextvars.copy_context()  # by which the tasks are known that it starts
        self._task: asyncio.Task[Any] | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        # Of C, so that a strike lands before or after it is rung, and loses nothing.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_over = False

    def result(self) -> Any:
        """Begin, wait for the end, and give what came of it."""
        self._loop.call_soon_threadsafe(self._begin)
        self.wait()
        if self._error is not None:
            raise self._error
        return self._value

    def wait(self) -> None:
        """Wait for the end."""
        while not self._is_over:
            self._bell.get()

    def cancel(self) -> None:
        """Cancel it, from any thread; also before it has begun, and then it ends at its first ``await``."""
        self._loop.call_soon_threadsafe(self._cancel)

    def strike(self) -> bool:
        """See `Elsewhere`."""
        is_computed = _computed(self._loop) == self._call
        if is_computed:
            strike(self._thread.ident)
        return is_computed

    def waits(self) -> bool:
        """See `Elsewhere`."""
        return _computed(self._loop) not in (None, self._call)

    def _begin(self) -> asyncio.Task[Any]:
        if self._task is None:
            self._task = self._context.run(self._loop.create_task, self._run())
        return self._task

    def _cancel(self) -> None:
        self._loop.call_soon(self._begin().cancel)

    async def _run(self) -> None:
        # No error leaves the task: those that are no `Exception` would end the loop of all calls.
        try:
            try:
                self._value = await self._awaitable
            except ANY as error:
                self._error = error
            self._end()
        except KeyboardInterrupt as error:  # a strike that came when it was just over
            self._error = error
            self._end()

    def _end(self) -> None:
        self._is_over = True
        self._bell.put(None)


def _computed(loop: asyncio.AbstractEventLoop) -> int | None:
    """The call for which the loop's thread computes this moment; `None` while it waits."""
    task = asyncio.current_task(loop)
    return None if task is None else getattr(task, "call", 0)


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
