"""How one caller wakes another: in that one's event loop, or in ``poll(2)``."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import weakref
from collections.abc import Callable

from carton_runtime.descriptors import in_need_of_descriptors
from carton_runtime.runner_kernels.interrupts import Uninterrupted

_BELL_ROUNDS = 4096  # bytes of a doorbell to read at once; one round is one byte


class _Doorbell:
    """Wakes a thread that waits in ``poll(2)``."""

    def __init__(self) -> None:
        with in_need_of_descriptors("wait for the model in this thread"):
            self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)

    def __del__(self) -> None:
        for end in vars(self).values():  # none, if there was nothing left to make it of
            end.close()

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # rung often enough already
            self._theirs.send(b"!")

    def wait(self, descriptor: int, seconds: float) -> None:
        """Until the bell, or something to read from `descriptor`, which is -1 for none; or for so long."""
        poll = select.poll()
        poll.register(self._ours, select.POLLIN)
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):  # it was not the bell
            self._ours.recv(_BELL_ROUNDS)


class _Doorbells(threading.local):
    """Each waiting thread's own, kept for its next call."""

    def __init__(self) -> None:
        self._bell: _Doorbell | None = None

    def of_this_thread(self) -> _Doorbell:
        if self._bell is None:
            with Uninterrupted():  # or half of a pair of sockets could be left behind
                self._bell = _Doorbell()
        return self._bell


doorbells = _Doorbells()


def thread_safe_waker(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> Callable[[], None]:
    """What resolves `waiter`, which belongs to `loop`, from any thread."""
    held = weakref.ref(waiter)  # or who waits in a loop that was closed would be held for ever

    def wake() -> None:
        waiting = held()
        if waiting is None:
            return
        if asyncio.events._get_running_loop() is loop:  # noqa: SLF001  the public one raises
            resolve(waiting)  # as nearly always: the loop itself has read what came
            return
        with contextlib.suppress(RuntimeError):  # that loop was closed; nobody waits there
            loop.call_soon_threadsafe(resolve, waiting)

    return wake


def resolve(waiter: asyncio.Future[None]) -> None:
    """Resolve a future that may be resolved or cancelled already."""
    if not waiter.done():
        waiter.set_result(None)
