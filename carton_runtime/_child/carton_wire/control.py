"""What is said beside the calls, and understood while the model computes: fixed records of a kind and a call.

The host sends PING, CANCEL, INTERRUPT, INTERRUPT_TO and ASK; the kernel answers PING with PONG, and ASK with WAITS or
nothing. That the socket is open at all tells the kernel that its host lives.
"""

from __future__ import annotations

import socket
import struct
from enum import IntEnum

from .errors import WireError

_RECORD = struct.Struct("<B7xQ")
_FLAGS = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)  # no SIGPIPE where the other side is gone


class Signal(IntEnum):
    """What a record says."""

    PING = 1  # host: are you there?
    PONG = 2  # kernel: yes
    CANCEL = 3  # host: nobody waits for this call any more; a model may look, and a coroutine is cancelled
    INTERRUPT = 4  # host: raise KeyboardInterrupt in this call
    ASK = 5  # host: does this call wait for others?
    WAITS = 6  # kernel: it does; others are at work
    INTERRUPT_TO = 7  # host: cancel and interrupt all that run, of this call and those before it


def send_signal(sock: socket.socket, signal: Signal, call: int = 0) -> None:
    """Send a record, at once or not at all: whoever does not read for so long is past being told. Raises `OSError`."""
    sock.send(_RECORD.pack(signal, call), _FLAGS)


class SignalReader:
    """Reads records from a stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._bytes = b""

    def receive(self) -> list[tuple[Signal, int]] | None:
        """The records that one ``recv`` completes; `None` at the end of the stream.

        Raises:
            WireError: a record is none.
            OSError: the socket cannot be read.
        """
        data = self._sock.recv(4096)
        if not data:
            return None
        self._bytes += data
        whole = len(self._bytes) - len(self._bytes) % _RECORD.size
        records, self._bytes = self._bytes[:whole], self._bytes[whole:]
        try:
            return [(Signal(kind), call) for kind, call in _RECORD.iter_unpack(records)]
        except ValueError as error:
            raise WireError(f"the control socket carries what is no signal: {error}") from error
