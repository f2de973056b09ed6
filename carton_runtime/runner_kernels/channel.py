"""The host's end of a kernel's pipes, shared by callers on any thread and any event loop.

There is no reader of its own: a second thread would cost more than the call (measured: 71-115 µs against 20). The
callers themselves read, one at a time under a lock, each putting what belongs to another into that one's place and
waking it there. A caller looks for a moment, as long as replies have lately taken, then parks: in its own event loop,
or in ``poll(2)``.

`KeyboardInterrupt` may strike the main thread between any two bytecodes of this file. Each step either has not happened
or has happened whole: receiving and sending record their counts in the same C call (`FrameDecoder.receive_from`,
`Outbox`), and a frame that is offered a second time is known by its sequence number.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import threading
from collections.abc import Callable
from copy import copy
from time import monotonic, perf_counter, sleep
from typing import Any

from carton_runtime._child.carton_wire.errors import NoDescriptorsError, WireError
from carton_runtime._child.carton_wire.frames import Frame, FrameDecoder
from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import Codec, Header, Kind, Message
from carton_runtime._child.carton_wire.patience import Patience
from carton_runtime._child.carton_wire.pipes import Pipes
from carton_runtime._child.carton_wire.session import Session
from carton_runtime.background import is_here
from carton_runtime.descriptors import out_of_descriptors
from carton_runtime.errors import CartonError, ProtocolError, ReentrantCallError
from carton_runtime.runner_kernels.interrupts import Uninterrupted, is_of_the_system, is_within
from carton_runtime.runner_kernels.outbox import REENTRANT, Outbox
from carton_runtime.runner_kernels.parking import Parking
from carton_runtime.runner_kernels.place import Place
from carton_runtime.runner_kernels.unwaited import do_when_free

_LONGEST_PAUSE = 10.0  # seconds between two parts of one message
_LONGEST_LOOK = 400e-6  # seconds that a caller may hold its thread for a reply that should be near
_LONGEST_REST = 150e-6  # seconds that it may do so before; the event loop has a turn after each rest
_OVERSLEEP = 80e-6  # seconds by which a rest is longer than it was meant to be: timer slack, and a core that wakes
_FD_SETSIZE = 1024
_LONGEST_WAIT = 2e-3  # seconds: to be woken costs little against what takes longer


class Channel:
    """Messages to and from one kernel.

    Args:
        pipes: our ends of the connection, which the channel owns from now on.
        memory: the memory that the kernel shares.
        on_end: called once, on whatever thread reads it, when the other side has closed or broken the protocol.

    Attributes:
        ended: whether the other side has closed, or the channel has failed.
        concurrency: how many calls the kernel takes at once.
        count_calls: tells how many calls wait for replies.
        forget_closed_loops: called now and then: loops may be closed while callers wait in them.
    """

    def __init__(self, pipes: Pipes, memory: Memory, on_end: Callable[[CartonError | None], None]) -> None:
        os.set_blocking(pipes.outgoing, False)
        self._pipes = pipes
        self._on_end = on_end
        self._session = Session()
        self._decoder = FrameDecoder()
        self._reading = threading.Lock()
        self._codec = Codec(memory)
        self._outbox = Outbox(pipes, self._codec)
        self._places: dict[int, Place] = {}
        self.count_calls = self._places.__len__
        self._numbers = itertools.count(1)
        self.concurrency = 1
        self.ended = False
        self._failure: CartonError | None = None
        self._unfinished = (0, 0.0)  # bytes of a message that is not whole, and since when there are so many
        self._patience = Patience(_LONGEST_LOOK, _LONGEST_WAIT)
        self._parking = Parking(self)
        self.forget_closed_loops = self._parking.forget_closed_loops

    # Calls

    def new_place(self, *, is_stream: bool = False) -> Place:
        """A place for the replies to a new call, once it is open."""
        return Place(next(self._numbers), is_stream=is_stream)

    def open(self, place: Place) -> None:
        """From here on replies are put there, until `close_place`."""
        self._places[place.call] = place
        if self._failure is not None:
            place.fail(self._failure)

    def close_place(self, place: Place) -> None:
        """Nobody waits for this call any more; replies that still come are dropped."""
        self._places.pop(place.call, None)

    @property
    def open_calls(self) -> int:
        """How many calls wait for replies."""
        return len(self._places)

    @property
    def calls(self) -> list[Place]:
        """The calls that wait for replies, oldest first."""
        return list(self._places.values())

    def running(self, count: int) -> list[Place]:
        """The calls that the kernel is at work on, as far as can be told from here: the oldest ones, in order."""
        places = [place for place in list(self._places.values()) if not place.is_stream and not place.settled]
        return places[:count]

    def is_queued(self, place: Place) -> bool:
        """Whether so many calls are before this one that the kernel cannot have begun it."""
        return not place.is_stream and place not in self.running(self.concurrency)

    def post(self, kind: Kind, call: int, **fields: Any) -> None:
        """Send a message without tensors. Raises as `send` does."""
        self.send(Message(kind, call, fields, {}))

    def send(self, message: Message) -> None:
        """Send a message without waiting; what the pipe does not take at once goes out in the background.

        On the background loop, what is sent while another thread sends goes out after that, in a thread.
        The memory of its tensors is read until it is sent: leave it alone while the call runs.

        Raises:
            CartonError: the channel has failed, or the message may not be sent now.
        """
        if self._failure is not None:
            raise copy(self._failure)
        post = self._outbox.post_unwaited if is_here() else self._outbox.post
        try:
            post(message, self._session)
        except WireError as error:
            raise ProtocolError(f"the message cannot be sent: {error}") from error

    @property
    def is_sending_here(self) -> bool:
        """Whether this thread is in the middle of `send`: a signal handler or a finalizer asks."""
        return self._outbox.is_posting_here

    def post_last(self, kind: Kind) -> None:
        """Send a message of the session itself after the channel has failed for its callers; on the background loop."""
        self._outbox.post_unwaited(Message(kind, 0, {}, {}), self._session)

    async def receive(self, place: Place) -> Message:
        """The next reply for `place`, waiting in the running loop.

        Raises:
            CartonError: the kernel is gone.
        """
        start = end = perf_counter()
        if not place.settled:
            # Without this turn, calls in a row would starve everything else on the loop.
            await asyncio.sleep(0)
            begin, end = self._when_to_look(start)
            while begin > start and self._rests(place, begin):  # noqa: ASYNC110  to rest is the wait; this is for others on the loop
                await asyncio.sleep(0)
            self._look(place, end)
        while not place.settled:
            await self._parking.park(place)
            if not place.settled:
                self.pump()  # what an interrupted reader left behind makes nothing readable
        return self._took(place, start, end)

    def receive_blocking(self, place: Place, timeout: float | None = None) -> Message | None:
        """The next reply for `place`, waiting in this thread; `None` if there was none in `timeout` seconds.

        Raises:
            CartonError: the kernel is gone.
        """
        start = perf_counter()
        begin, end = self._when_to_look(start)
        while begin > start and self._rests(place, begin):
            pass
        self._look(place, end)
        if not place.settled:
            self._parking.park_blocking(place, None if timeout is None else start + timeout)
            if not place.settled:
                return None
        return self._took(place, start, end)

    def _when_to_look(self, start: float) -> tuple[float, float]:
        """As `Patience.when`; but who would have to rest before does so only where nobody else waits for the kernel."""
        begin, end = self._patience.when(start)
        return (start, start) if begin > start and len(self._places) > 1 else (begin, end)

    def _rests(self, place: Place, until: float) -> bool:
        """Sleep for a moment, or less if something comes; whether nothing has, and it is not yet `until`."""
        left = until - perf_counter() - _OVERSLEEP
        if left <= 0 or place.settled or self.ended:
            return False
        rest = min(left, _LONGEST_REST)
        incoming = self._pipes.incoming
        if not 0 <= incoming < _FD_SETSIZE:  # closed this very moment; or a number that select(2) cannot take
            sleep(rest)
            return True
        try:
            return not select.select((incoming,), (), (), rest)[0]
        except OSError as error:
            if not is_of_the_system(error):
                raise
            return True  # closed this very moment

    # Reading

    def pump(self) -> None:
        """Hand out what is there, without waiting; of more than is received at once, the first part."""
        if is_here():
            self._pump_unwaited()
            return
        self._refuse_reentry()
        with self._reading:
            if not self.ended:
                self._read()

    def _pump_unwaited(self) -> None:
        """The same on the background loop, which waits for no caller: who reads this moment hands out everything."""
        if self._reading.acquire(blocking=False):
            try:
                if not self.ended:
                    self._read()
            finally:
                self._reading.release()
        else:
            self._refuse_reentry()

    def expect_progress(self) -> None:
        """Called now and then, on the background loop: who sends part of a message and then nothing is broken."""
        self._pump_unwaited()
        pending = self._decoder.pending
        now = monotonic()
        if pending != self._unfinished[0]:
            self._unfinished = pending, now
        elif pending and not self.ended and now - self._unfinished[1] > _LONGEST_PAUSE:
            self._end(
                ProtocolError(f"the model's process sent part of a message, and then nothing for {_LONGEST_PAUSE:g} s")
            )

    def _look(self, place: Place, end: float) -> None:
        """Look for the reply until then; not on the background loop, which has other things to do."""
        if perf_counter() < end and not is_here():
            self._refuse_reentry()
            with self._reading:
                self._read_until(place, end)

    def _refuse_reentry(self) -> None:
        """Raise where a signal handler or a finalizer has come in the middle of reading: it would wait for ever."""
        if self._reading.locked() and self._is_reading_here:
            raise ReentrantCallError(REENTRANT)

    @property
    def _is_reading_here(self) -> bool:
        return is_within(Channel._read.__code__, self) or is_within(Channel._read_until.__code__, self)

    def _read_until(self, place: Place, end: float) -> None:
        # The lock is held: see `_refuse_reentry`.
        while not (place.settled or self.ended):
            if self._read():
                continue
            os.sched_yield()
            if perf_counter() > end:
                break

    def _read(self) -> bool:
        """Receive once, or what an interrupted reader left behind, and hand that out; whether there was anything."""
        try:
            if not self._decoder.receive_from(self._pipes):
                self._end(None)
            self._dispatch()
        except BlockingIOError:
            return False
        except OSError as error:
            if not is_of_the_system(error):
                raise
            self._end(None)
        except NoDescriptorsError:
            self._end(out_of_descriptors("take the model's answer"))
        except WireError as error:
            self._end(ProtocolError(f"the model's process broke the protocol: {error}"))
        return True

    def _dispatch(self) -> None:
        understand = self._codec.understand
        frames = self._decoder.frames()
        frame = next(frames, None)
        while frame is not None:
            header = understand(frame)
            if header.touches_memory:
                # What frees and lends memory must be done once, and not again when the frame is offered again.
                with Uninterrupted():
                    self._deliver(header, frame)
                    frame = next(frames, None)
            else:
                self._deliver(header, frame)
                frame = next(frames, None)

    def _deliver(self, header: Header, frame: Frame) -> None:
        message = self._codec.fill(header, frame)
        self._session.passes(header.kind)
        _, sequence, call, _, _ = frame
        place = self._places.get(call)
        if place is not None:
            place.put(sequence, message)

    def _end(self, error: CartonError | None) -> None:
        self.ended = True
        self._on_end(error)

    def _took(self, place: Place, start: float, end: float) -> Message:
        message = place.take()
        if message is None:
            raise ProtocolError("a reply vanished: two callers wait in one place")
        self._patience.over(start, end, perf_counter())
        return message

    @property
    def incoming(self) -> int:
        """What is readable when something is there; -1 after the end."""
        return -1 if self.ended else self._pipes.incoming

    # The end

    def fail(self, failure: CartonError) -> None:
        """All calls, now and later, end with `failure`."""
        self._failure = failure
        self.ended = True
        for place in list(self._places.values()):
            place.fail(failure)

    def disown(self, failure: CartonError) -> None:
        """As `fail`, in a process that was forked: nobody is woken, since those who wait do so in the other process."""
        self._failure = failure
        self.ended = True
        self._pipes.close()

    def close(self) -> None:
        """Close the pipes, once nobody uses them any more; on the background loop, after `fail`."""
        self._outbox.close()
        self.forget_closed_loops()
        do_when_free(self._close_pipes)

    def _close_pipes(self, *, blocking: bool) -> bool:
        """Close the pipes while nobody writes or reads: the numbers may be somebody else's at once."""
        return self._outbox.when_free(lambda: self._close_unread(blocking=blocking), blocking=blocking)

    def _close_unread(self, *, blocking: bool) -> bool:
        if not self._reading.acquire(blocking):
            return False
        try:
            self._pipes.close()
        finally:
            self._reading.release()
        return True
