"""The host's end of a kernel's socket, shared by callers on any thread and any event loop.

There is no reader of its own: a second thread would cost more than the call (measured: 71-115 µs against 13-34). The
callers themselves read, one at a time under a lock, each putting what belongs to another into that one's place and
waking it there. A caller polls for a moment, as long as replies have lately taken, then parks: in its own event loop,
or in ``poll(2)``.

`KeyboardInterrupt` may strike the main thread between any two bytecodes of this file. Each step either has not happened
or has happened whole: receiving and sending record their counts in the same C call (`FrameDecoder.receive_from`,
`_Outbox.flush`), and a frame that is offered a second time is known by its sequence number.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

from carton_runtime._child.carton_wire.connection import unsent
from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.frames import FrameDecoder
from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import Codec, Kind, Message
from carton_runtime._child.carton_wire.session import Session
from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.background import TICK, background_loop
from carton_runtime.errors import CartonError, ProtocolError

_MOST_PIECES = 64  # to one sendmsg; IOV_MAX is 1024
_SCRATCH = 4096
_LONGEST_POLL = 150e-6  # seconds that a caller may hold its thread for a reply that should be near


class Place:
    """Where the replies to one call are put until its caller takes them.

    Attributes:
        call: the call's number.
        is_stream: whether the call may be suspended between replies.
        context: where the call was made, if somebody listens to what the model prints.
    """

    def __init__(self, call: int, *, is_stream: bool = False) -> None:
        self.call = call
        self.is_stream = is_stream
        self.context: Context | None = None
        self.failure: CartonError | None = None
        self.wake: Callable[[], None] | None = None
        self._inbox: dict[int, Message] = {}
        self._taken = -1

    def put(self, sequence: int, message: Message) -> None:
        """Add a reply; one that was here already changes nothing."""
        if sequence > self._taken:
            self._inbox[sequence] = message
            self._rouse()

    def fail(self, failure: CartonError) -> None:
        """There will be no further replies."""
        self.failure = failure
        self._rouse()

    def take(self) -> Message | None:
        """The next reply, if one is here.

        Raises:
            CartonError: none is here and none will come.
        """
        if self._inbox:
            sequence = next(iter(self._inbox))
            message = self._inbox.pop(sequence)
            self._taken = sequence
            return message
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        return None

    @property
    def settled(self) -> bool:
        """Whether `take` has something to say."""
        return bool(self._inbox) or self.failure is not None

    def _rouse(self) -> None:
        wake = self.wake
        if wake is not None:
            wake()


class Channel:
    """Messages to and from one kernel.

    Args:
        sock: a connected stream socket, which the channel owns from now on.
        memory: the memory that the kernel shares.
        on_end: called once, on whatever thread reads it, when the other side has closed or broken the protocol.
    """

    def __init__(self, sock: socket.socket, memory: Memory, on_end: Callable[[CartonError | None], None]) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_end = on_end
        self._session = Session()
        self._decoder = FrameDecoder()
        self._reading = threading.Lock()
        self._codec = Codec(memory)
        self._outbox = _Outbox(sock, self._codec)
        self._places: dict[int, Place] = {}
        self._numbers = itertools.count(1)
        self.concurrency = 1
        self._ended = False
        self._failure: CartonError | None = None
        self._usual = _LONGEST_POLL / 2
        self._parked: dict[asyncio.AbstractEventLoop, _LoopReader] = {}

    # Calls

    def open(self, call: int | None = None, *, is_stream: bool = False) -> Place:
        """A place for the replies to a new call."""
        place = Place(next(self._numbers) if call is None else call, is_stream=is_stream)
        self._places[place.call] = place
        if self._failure is not None:
            place.fail(self._failure)
        return place

    def close_place(self, place: Place) -> None:
        """Nobody waits for this call any more; replies that still come are dropped."""
        self._places.pop(place.call, None)

    @property
    def ended(self) -> bool:
        """Whether the other side has closed, or the channel has failed."""
        return self._ended

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

    def post(self, kind: Kind, call: int, tensors: dict[str, Tensor] | None = None, **fields: Any) -> None:
        """Send a message without waiting; what the socket does not take at once goes out in the background.

        The memory of `tensors` is read until it is sent: leave it alone while the call runs.

        Raises:
            CartonError: the channel has failed, or the message may not be sent now.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        message = Message(kind, call, fields, tensors or {})
        try:
            self._outbox.post(message, self._session)
        except WireError as error:
            raise ProtocolError(f"the message cannot be sent: {error}") from error

    def post_last(self, kind: Kind) -> None:
        """Send a message of the session itself after the channel has failed for its callers."""
        self._outbox.post(Message(kind, 0, {}, {}), self._session)

    async def receive(self, place: Place) -> Message:
        """The next reply for `place`, waiting in the running loop.

        Raises:
            CartonError: the kernel is gone.
        """
        start = time.perf_counter()
        if not place.settled:
            # Without this turn, calls in a row would starve everything else on the loop.
            await asyncio.sleep(0)
            self._poll(place, start)
        while not place.settled:
            await self._park(place)
        return self._took(place, start)

    def receive_blocking(self, place: Place, timeout: float | None = None) -> Message:
        """The next reply for `place`, waiting in this thread.

        Raises:
            CartonError: the kernel is gone.
            TimeoutError: there was none in `timeout` seconds.
        """
        start = time.perf_counter()
        self._poll(place, start)
        if not place.settled:
            self._park_blocking(place, None if timeout is None else start + timeout)
        return self._took(place, start)

    # Reading

    def pump(self) -> None:
        """Hand out all that is there, without waiting."""
        with self._reading:
            while not self._ended and self._read():
                pass

    def _poll(self, place: Place, start: float) -> None:
        """Look for the reply for as long as replies have lately taken, if that is short."""
        if self._usual > _LONGEST_POLL:
            return
        deadline = start + min(2 * self._usual, _LONGEST_POLL)
        with self._reading:
            while not (place.settled or self._ended or time.perf_counter() > deadline):
                self._read()

    def _read(self) -> bool:
        """Receive once and hand out what came; whether anything did."""
        try:
            # First what an interrupted reader left behind: only then is there sure to be room.
            if self._decoder.has_received:
                self._dispatch()
            if not self._decoder.receive_from(self._sock):
                self._end(None)
            self._dispatch()
        except BlockingIOError:
            return False
        except OSError:
            self._end(None)
        except WireError as error:
            self._end(ProtocolError(f"the model's process broke the protocol: {error}"))
        return True

    def _dispatch(self) -> None:
        for frame in self._decoder.frames():
            message = self._codec.decode(frame)
            self._session.passes(message.kind)
            place = self._places.get(message.call)
            if place is not None:
                place.put(frame.sequence, message)

    def _end(self, error: CartonError | None) -> None:
        self._ended = True
        self._on_end(error)

    def _took(self, place: Place, start: float) -> Message:
        message = place.take()
        if message is None:
            raise ProtocolError("a reply vanished: two callers wait in one place")
        self._usual += 0.2 * (time.perf_counter() - start - self._usual)
        return message

    # Parking

    async def _park(self, place: Place) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        place.wake = _thread_safe_waker(loop, waiter)
        tick = loop.call_later(TICK, _resolve, waiter)
        reader = self._parked.get(loop)
        if reader is None:
            reader = self._parked[loop] = _LoopReader(loop, self)
        reader.callers += 1
        try:
            if not place.settled:
                await waiter
        finally:
            place.wake = None
            tick.cancel()
            reader.callers -= 1
            if not reader.callers:
                reader.close()
                self._parked.pop(loop, None)

    def duplicate(self) -> socket.socket | None:
        """A second descriptor of the socket, to watch; `None` after the end, when there is nothing to watch for."""
        with contextlib.suppress(OSError):
            return None if self._ended else self._sock.dup()
        return None

    def _park_blocking(self, place: Place, deadline: float | None) -> None:
        bell = _doorbells.of_this_thread()
        place.wake = bell.ring
        try:
            while not place.settled:
                left = TICK if deadline is None else deadline - time.perf_counter()
                if left <= 0:
                    raise TimeoutError
                bell.wait(None if self._ended else self._sock, min(left, TICK))
                self.pump()
        finally:
            place.wake = None

    # The end

    def fail(self, failure: CartonError) -> None:
        """All calls, now and later, end with `failure`."""
        self._failure = failure
        self._ended = True
        for place in list(self._places.values()):
            place.fail(failure)

    def close(self) -> None:
        """Close the socket; on the background loop, after `fail`."""
        self._outbox.close()
        self._sock.close()


class _Outbox:
    """Frames on their way out, in order. What the socket does not take at once waits for the background loop."""

    def __init__(self, sock: socket.socket, codec: Codec) -> None:
        self._sock = sock
        self._codec = codec
        self._lock = threading.Lock()
        self._waiting: deque[_Outgoing] = deque()
        self._watched = False

    def post(self, message: Message, session: Session) -> None:
        with self._lock:
            session.passes(message.kind)
            pieces = self._codec.encode(message)
            self._waiting.append(_Outgoing(pieces))
            self._flush()

    def _flush(self) -> None:
        # The lock is held. A dead peer is noticed by whoever reads.
        try:
            while self._waiting:
                outgoing = self._waiting[0]
                while outgoing.left:
                    outgoing.send(self._sock)
                self._waiting.popleft()
        except BlockingIOError:
            self._watch()
        except OSError:
            self._waiting.clear()

    def _watch(self) -> None:
        if not self._watched:
            # In this order: an interrupt in between costs a second, harmless request and not a frame that never leaves.
            background_loop().call_soon_threadsafe(self._add_writer)
            self._watched = True

    def _add_writer(self) -> None:
        with contextlib.suppress(ValueError, OSError):  # the socket was closed meanwhile
            background_loop().add_writer(self._sock, self._writable)

    def _writable(self) -> None:
        with self._lock:
            self._flush_rest()

    def _flush_rest(self) -> None:
        self._flush()
        if not self._waiting:
            self._unwatch()

    def _unwatch(self) -> None:
        self._watched = False
        background_loop().remove_writer(self._sock)

    def close(self) -> None:
        """Send nothing further."""
        with self._lock:
            self._waiting.clear()
            self._unwatch()


class _Outgoing:
    """One frame, and how much of it each send took."""

    __slots__ = ("_counts", "_pieces", "_size")

    def __init__(self, pieces: list[memoryview]) -> None:
        self._pieces = pieces
        self._size = sum(map(len, pieces))
        self._counts: list[int] = []

    @property
    def left(self) -> int:
        return self._size - sum(self._counts)

    def send(self, sock: socket.socket) -> None:
        rest = unsent(self._pieces, sum(self._counts)) if self._counts else self._pieces
        # One C call sends and records: an interrupt lands before it or after it, never between the two.
        if len(rest) == 1:
            self._counts.extend(map(sock.send, rest))
        else:
            self._counts.extend(map(sock.sendmsg, (rest[:_MOST_PIECES],)))


class _LoopReader:
    """Watches the socket for one event loop while callers are parked there.

    Through a descriptor of its own, so that the loop never watches a number that was closed and given to something
    else.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: Channel) -> None:
        self.callers = 0
        self._loop = loop
        self._channel = channel
        self._sock = channel.duplicate()
        if self._sock is not None:
            loop.add_reader(self._sock, self._readable)

    def _readable(self) -> None:
        self._channel.pump()
        if self._channel.ended:
            self.close()  # or it would be readable for ever

    def close(self) -> None:
        if self._sock is not None:
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._sock = None


class _Doorbell:
    """Wakes a thread that waits in ``poll(2)``."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)

    def __del__(self) -> None:
        self._ours.close()
        self._theirs.close()

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # rung often enough already
            self._theirs.send(b"!")

    def wait(self, sock: socket.socket | None, seconds: float) -> None:
        """Until the bell, or `sock`, or for so long."""
        poll = select.poll()
        poll.register(self._ours, select.POLLIN)
        with contextlib.suppress(ValueError):  # closed this very moment
            if sock is not None:
                poll.register(sock, select.POLLIN)
        poll.poll(seconds * 1000)
        with contextlib.suppress(BlockingIOError):  # it was not the bell
            self._ours.recv(_SCRATCH)


class _Doorbells(threading.local):
    """Each waiting thread's own, kept for its next call."""

    def __init__(self) -> None:
        self._bell: _Doorbell | None = None

    def of_this_thread(self) -> _Doorbell:
        if self._bell is None:
            self._bell = _Doorbell()
        return self._bell


_doorbells = _Doorbells()


def _thread_safe_waker(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> Callable[[], None]:
    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # that loop was closed; nobody waits there
            loop.call_soon_threadsafe(_resolve, waiter)

    return wake


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
