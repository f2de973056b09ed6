"""Whose turn it is: which calls the model computes now, in which threads, and how to reach them there."""

from __future__ import annotations

import signal
import threading
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from .striking import CancelledCallError, strike

if TYPE_CHECKING:
    from .loops import Elsewhere

T = TypeVar("T")

_current: ContextVar[int] = ContextVar("carton_call", default=0)
_NOTHING = None, None


class Turns:
    """The calls that run.

    `cancel`, `interrupt` and `waits` come from the control thread, the rest from those that run the model.

    Attributes:
        gathers: whether calls are being gathered for a batch.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[int, int] = {}  # call → thread
        self._cancelled: set[int] = set()
        self._batches: dict[int, tuple[int, ...]] = {}  # call → those that run with it, while they run
        # call → how to cancel what it waits for, and what that is if it runs in a thread that is not the call's own
        self._awaited: dict[int, tuple[Callable[[], Any], Elsewhere | None]] = {}
        self._struck = 0  # the call to interrupt in the main thread
        self.gathers: Callable[[], bool] = lambda: False
        signal.signal(signal.SIGINT, self._strike)

    def run(self, call: int, work: Callable[..., T], *arguments: Any) -> T:
        """Call `work`: the turn of `call`, which may be interrupted in there and nowhere else.

        Raises:
            CancelledCallError: it was cancelled, before or while it ran.
        """
        token = _current.set(call)
        try:
            self._threads[call] = threading.get_ident()
            if call in self._cancelled and self.is_unwanted(call):
                raise CancelledCallError
            return work(*arguments)
        finally:
            self._end(call)
            _current.reset(token)

    def run_batch(self, calls: tuple[int, ...], work: Callable[..., T], *arguments: Any) -> T:
        """The turn of calls that run as one, in the name of the first; interrupted when nobody waits for any of them.

        Raises:
            CancelledCallError: all were cancelled.
        """
        for call in calls:
            self._batches[call] = calls
        return self.run(calls[0], work, *arguments)

    def leave(self, call: int, work: Callable[[], None]) -> None:
        """The turn of `call` to clean up, cancelled or not: it may be interrupted there as well."""
        token = _current.set(call)
        try:
            self._threads[call] = threading.get_ident()
            work()
        finally:
            self._end(call)
            _current.reset(token)

    def _end(self, call: int) -> None:
        """From here on `call` may not be interrupted any more."""
        self._threads.pop(call, None)  # first of all, since a strike may come while we wait for the lock
        with self._lock:
            self._awaited.pop(call, None)
            if self._batches:
                for member in self._batches.get(call, ()):
                    self._batches.pop(member, None)

    def forget(self, call: int) -> None:
        """The call is answered: nothing that comes for it matters any more."""
        self._cancelled.discard(call)

    @property
    def current(self) -> int:
        """The call whose turn it is in this context; 0 for none."""
        return _current.get()

    def is_cancelled(self) -> bool:
        """Whether nobody waits any more for the call whose turn this is."""
        return self.is_unwanted(_current.get())

    def is_unwanted(self, call: int) -> bool:
        """Whether nobody waits any more for `call`, nor for any that runs with it."""
        return call in self._cancelled and self._cancelled.issuperset(self._batches.get(call, ()))

    def on_cancel(self, canceller: Callable[[], Any], elsewhere: Elsewhere | None = None) -> None:
        """Have `canceller` called, in the control thread, when the call whose turn this is gets cancelled.

        Until `off_cancel`, what it waits for `elsewhere`, if anything, is interrupted in place of its thread.
        """
        call = _current.get()
        self._awaited[call] = canceller, elsewhere
        if self.is_unwanted(call):
            canceller()

    def off_cancel(self) -> None:
        """What the call whose turn this is waited for is over."""
        self._awaited.pop(_current.get(), None)

    def cancel(self, call: int) -> None:
        """Nobody waits for `call`: it does not begin, its coroutine is cancelled, and a model that asks is told."""
        if call in self._cancelled:
            return  # a second time would cut short what cleans up after the first
        self._cancelled.add(call)
        canceller, _ = self._awaited.get(self._leader(call), _NOTHING)
        if canceller is not None and self.is_unwanted(call):
            canceller()

    def interrupt_to(self, last: int) -> None:
        """Cancel and interrupt the calls that run now, up to the one that was the last when this was asked for."""
        for leader in list(self._threads):
            for call in self._batches.get(leader, (leader,)):
                if call <= last:
                    self.cancel(call)
            if leader <= last:
                self.interrupt(leader, insist=False)

    def waits(self, call: int) -> bool:
        """Whether `call` is not at work, or is so for others as well, while something else is going on."""
        with self._lock:
            if self._thread_of(call) is None:
                return bool(self._threads) or self.gathers()
            _, elsewhere = self._awaited.get(self._leader(call), _NOTHING)
            return elsewhere is not None and elsewhere.waits()

    def interrupt(self, call: int, *, insist: bool = True) -> None:
        """Raise `CancelledCallError` where `call` runs, if it does, and for nobody else.

        A coroutine that waits is cancelled once more instead, on a loop that calls share, if one is to `insist`.
        """
        with self._lock:
            thread = self._thread_of(call)
            if thread is None:
                return
            canceller, elsewhere = self._awaited.get(self._leader(call), _NOTHING)
            if elsewhere is not None and canceller is not None:
                if not elsewhere.strike() and insist:
                    canceller()
            elif thread == threading.main_thread().ident:
                self._struck = self._leader(call)
                signal.pthread_kill(thread, signal.SIGINT)
            else:
                strike(thread)

    def _thread_of(self, call: int) -> int | None:
        is_shared = not self._cancelled.issuperset(self._batches.get(call, ()))
        return None if is_shared else self._threads.get(self._leader(call))

    def _leader(self, call: int) -> int:
        return self._batches.get(call, (call,))[0]

    def _strike(self, _number: int, _frame: FrameType | None) -> None:
        # In the main thread, between two bytecodes: what runs there now is known for sure.
        call, self._struck = self._struck, 0
        if call and call in self._threads:
            raise CancelledCallError
