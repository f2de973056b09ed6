"""What our calls are compared with: the same bytes, carried by as little as can carry them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import Codec, Kind, Message
from carton_runtime._child.carton_wire.values import Tensor

_ECHO = """
import socket, sys
sock = socket.socket(fileno=int(sys.argv[1]))
inward, outward = int(sys.argv[2]), bytes(int(sys.argv[3]))
room = memoryview(bytearray(inward))
while True:
    got = 0
    while got < inward:
        count = sock.recv_into(room[got:])
        if not count:
            sys.exit()
        got += count
    sock.sendall(outward)
"""


@contextmanager
def ping_pong(tensors: dict[str, Tensor], results: dict[str, Tensor]) -> Iterator[Callable[[], None]]:
    """A blocking exchange with another process of as many bytes as a call on `tensors` that gives `results` takes."""
    outward = bytes(_size(Message(Kind.CALL, 1, {"handle": None, "credit": 0}, tensors)))
    room = memoryview(bytearray(_size(Message(Kind.RESULT, 1, {}, results))))
    ours, theirs = socket.socketpair()
    arguments = [str(theirs.fileno()), str(len(outward)), str(len(room))]
    command = [sys.executable, "-I", "-S", "-c", _ECHO, *arguments]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()]) as peer:
        theirs.close()

        def exchange() -> None:
            ours.sendall(outward)
            got = 0
            while got < len(room):
                got += ours.recv_into(room[got:])

        try:
            yield exchange
        finally:
            ours.close()  # the peer ends with it
            peer.wait()


def _size(message: Message) -> int:
    return sum(piece.nbytes for piece in Codec(Memory(None, side=0)).encode(message))


def two_copies(nbytes: int) -> Callable[[], None]:
    """Copy so many bytes once in and once out, between memory that is warm."""
    source, there, back = (np.ones(nbytes, np.uint8) for _ in range(3))

    def copy() -> None:
        np.copyto(there, source)
        np.copyto(back, there)

    return copy


def start_and_import(python: Path) -> Callable[[], None]:
    """Start the interpreter of an environment and import numpy in it."""

    def run() -> None:
        subprocess.run([str(python), "-I", "-c", "import numpy"], check=True)

    return run
