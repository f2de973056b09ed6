"""The blocking end of the wire, as a runner kernel uses it."""

from __future__ import annotations

import socket
from collections import deque
from typing import Iterable

from .frames import FrameDecoder
from .messages import Message, decode_message, encode_message
from .session import Session

_MOST_PIECES = 64  # far below IOV_MAX, which is 1024


class Connection:
    """Sends and receives messages over a blocking stream socket. For one thread."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._session = Session()
        self._decoder = FrameDecoder()
        self._received: deque[Message] = deque()
        self._sequence = 0

    def receive(self) -> Message | None:
        """The next message; `None` when the other side has closed.

        Raises:
            WireError: the other side broke the protocol.
        """
        while not self._received:
            if not self._decoder.receive_from(self._sock):
                return None
            for frame in self._decoder.frames():
                message = decode_message(frame)
                self._session.passes(message.kind)
                self._received.append(message)
        return self._received.popleft()

    def send(self, message: Message) -> None:
        """Send a whole message, waiting while the other side is slow to read."""
        self._session.passes(message.kind)
        self._sequence += 1
        send_pieces(self._sock, encode_message(message, self._sequence))


def send_pieces(sock: socket.socket, pieces: Iterable[memoryview]) -> None:
    """Send all of `pieces` over a blocking socket with as few calls as it takes."""
    rest = list(pieces)
    while rest:
        rest = unsent(rest, sock.sendmsg(rest[:_MOST_PIECES]))


def unsent(pieces: list[memoryview], sent: int) -> list[memoryview]:
    """What is left of `pieces` after their first `sent` bytes."""
    for index, piece in enumerate(pieces):
        if sent < piece.nbytes:
            return [piece[sent:], *pieces[index + 1 :]]
        sent -= piece.nbytes
    return []
