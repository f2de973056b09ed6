"""The blocking end of the wire, as a runner kernel uses it."""

from __future__ import annotations

import os
import select
from collections import deque
from time import perf_counter
from typing import Sequence

from .cores import LONG, Core
from .frames import FrameDecoder
from .memory import Memory
from .messages import Codec, Message
from .patience import Patience
from .pipes import Bytes, Pipes
from .session import Session

LONGEST_LOOK = 300e-6  # seconds to look for the next message; longer than a host needs that was asleep itself
_MOST_PIECES = 64  # far below IOV_MAX, which is 1024


class Connection:
    """Sends and receives messages, waiting until that is done. For one thread that sends and one that receives.

    Attributes:
        memory: what both sides share.
    """

    def __init__(self, pipes: Pipes, memory: Memory) -> None:
        self.memory = memory
        self._pipes = pipes
        self._session = Session()
        self._codec = Codec(memory)
        self._decoder = FrameDecoder()
        self._received: deque[Message] = deque()
        self._core = Core()
        self._patience = Patience(LONGEST_LOOK if _cores() > 1 else 0.0)

    def stop_looking(self) -> None:
        """Sleep at once from now on: other threads of this process work, and to look would take the GIL from them."""
        self._patience = Patience(0.0)

    def receive(self) -> Message | None:
        """The next message; `None` when the other side has closed.

        Raises:
            WireError: the other side broke the protocol.
        """
        while not self._received:
            if not self._wait():
                return None
            for frame in self._decoder.frames():
                message = self._codec.decode(frame)
                self._session.passes(message.kind)
                self._received.append(message)
        return self._received.popleft()

    def wait(self, seconds: float) -> bool:
        """Whether there is something to receive within that time, or the other side has closed."""
        return bool(self._received) or self._sleep(seconds * 1000)

    def _sleep(self, milliseconds: float | None = None) -> bool:
        poll = select.poll()  # select(2) takes no descriptor from 1024 up, and ours have the host's numbers
        poll.register(self._pipes.incoming, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def _wait(self) -> int:
        """Receive something, looking for it for a moment before going to sleep."""
        start = now = perf_counter()
        _, end = self._patience.when(start)
        count = -1
        while count < 0:
            try:
                count = self._decoder.receive_from(self._pipes)
            except BlockingIOError:
                if now < end:
                    os.sched_yield()
                    before, now = now, perf_counter()
                    if now - before > LONG and self._core.is_left(now):
                        now = perf_counter()
                        end = now + LONGEST_LOOK  # or we would sleep at once, and be woken on the core that we left
                else:
                    self._sleep()
                    now = perf_counter()
        self._patience.over(start, end, now)
        return count

    def send(self, message: Message) -> None:
        """Send a whole message, waiting while the other side is slow to read."""
        self._session.passes(message.kind)
        frame = self._codec.encode_again(message)
        if frame is None:
            send_pieces(self._pipes, self._codec.encode(message))
        else:
            sent = self._pipes.write(frame)
            if sent < len(frame):
                send_pieces(self._pipes, unsent([frame], sent))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def send_pieces(pipes: Pipes, pieces: Sequence[Bytes]) -> None:
    """Send all of `pieces`, waiting where the pipe is full, with as few calls as it takes."""
    for start in range(0, len(pieces), _MOST_PIECES):
        some = pieces[start : start + _MOST_PIECES]
        while some:
            sent = pipes.write(some[0]) if len(some) == 1 else pipes.writev(some)
            some = unsent(some, sent)


def unsent(pieces: Sequence[Bytes], sent: int) -> Sequence[Bytes]:
    """What is left of `pieces` (bytes, or flat memoryviews of bytes) after their first `sent` bytes."""
    for index, piece in enumerate(pieces):
        if sent < len(piece):
            return [memoryview(piece)[sent:], *pieces[index + 1 :]]
        sent -= len(piece)
    return []
