"""Frames on their way out of a channel.

Written for a `KeyboardInterrupt` between any two bytecodes, as `carton_runtime.runner_kernels.channel` says.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from carton_runtime._child.carton_wire.connection import unsent
from carton_runtime._child.carton_wire.messages import Codec, Message
from carton_runtime._child.carton_wire.pipes import Bytes, Pipes
from carton_runtime._child.carton_wire.session import Session
from carton_runtime.background import background_loop
from carton_runtime.errors import ReentrantCallError
from carton_runtime.runner_kernels.interrupts import Uninterrupted, is_of_the_system, is_within
from carton_runtime.runner_kernels.unwaited import do_when_free

REENTRANT = (
    "the model is called from a signal handler or a finalizer, in the middle of another call to it in this thread"
)
_MOST_PIECES = 64  # to one writev; IOV_MAX is 1024

_Outgoing = tuple[Sequence[Bytes], int, list[int]]


class Outbox:
    """Frames on their way out, in order. What the pipe does not take at once waits for the background loop."""

    def __init__(self, pipes: Pipes, codec: Codec) -> None:
        self._pipes = pipes
        self._codec = codec
        self._lock = threading.Lock()
        # The pieces of each frame, how many bytes they have, and how many of them each send took.
        self._waiting: deque[_Outgoing] = deque()
        self._watched = False
        self._is_closed = False

    def post(self, message: Message, session: Session) -> None:
        """Send a message, or what the pipe takes of it now and the rest in the background; on any thread.

        Raises:
            WireError: it may not be sent now.
            ReentrantCallError: this thread is in the middle of sending.
        """
        if self._lock.locked() and self.is_posting_here:
            raise ReentrantCallError(REENTRANT)
        with self._lock:
            self._post(message, session)

    def post_unwaited(self, message: Message, session: Session) -> None:
        """The same on the background loop; what `post` raises, only if nothing was being sent."""

        def work() -> bool:
            self._post(message, session)
            return True

        do_when_free(partial(self.when_free, work))

    def _post(self, message: Message, session: Session) -> None:
        # The lock is held: see `is_posting_here`.
        session.passes(message.kind)
        frame = self._codec.encode_again(message)
        if frame is not None:
            self._waiting.append(([frame], len(frame), []))
        else:
            # What was lent, and what is said to be free, must leave with the message or not at all.
            with Uninterrupted():
                pieces = self._codec.encode(message)
                self._waiting.append((pieces, sum(map(len, pieces)), []))
        self._flush()

    @property
    def is_posting_here(self) -> bool:
        """Whether this thread is in the middle of `post`: a signal handler or a finalizer asks, which cannot wait."""
        return self._lock.locked() and is_within(Outbox._post.__code__, self)

    def _flush(self) -> None:
        # The lock is held. A dead peer is noticed by whoever reads.
        waiting = self._waiting
        if self._is_closed:
            waiting.clear()
        try:
            while waiting:
                pieces, size, counts = waiting[0]
                if counts:
                    pieces = _rest(pieces, counts)
                # One C call sends and records: an interrupt lands before it or after it, never between the two.
                if len(pieces) == 1:
                    counts.extend(map(self._pipes.write, pieces))
                elif pieces:
                    counts.extend(map(self._pipes.writev, (pieces[:_MOST_PIECES],)))
                if sum(counts) == size:
                    waiting.popleft()
        except BlockingIOError:
            self._watch()
        except OSError as error:
            if not is_of_the_system(error):
                raise
            waiting.clear()

    def _watch(self) -> None:
        if not self._watched:
            # In this order: an interrupt in between costs a second, harmless request and not a frame that never leaves.
            background_loop().call_soon_threadsafe(self._add_writer)
            self._watched = True

    def _add_writer(self) -> None:
        if not self._is_closed:
            background_loop().add_writer(self._pipes.outgoing, self._writable)

    def _writable(self) -> None:
        self.when_free(self._flush_rest, blocking=False)  # or at once again

    def _flush_rest(self) -> bool:
        self._flush()
        if not self._waiting:
            self._unwatch()
        return True

    def _unwatch(self) -> None:
        self._watched = False
        background_loop().remove_writer(self._pipes.outgoing)

    def close(self) -> None:
        """Send nothing further, but what is being sent this moment. On the background loop."""
        self._is_closed = True
        self._unwatch()

    def when_free(self, work: Callable[[], bool], *, blocking: bool) -> bool:
        """Do `work` while nothing is being sent; what that says, or `False` if it would have to wait and may not."""
        if not self._lock.acquire(blocking):
            return False
        try:
            return work()
        finally:
            self._lock.release()


def _rest(pieces: Sequence[Bytes], counts: list[int]) -> Sequence[Bytes]:
    """What is left to send of a frame; nothing, if an interrupt came before it was taken away."""
    counts[:] = (sum(counts),)  # there may be very many
    return unsent(pieces, counts[0])
