"""Frames and messages as bytes, and pipes to read them from."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from carton_runtime._child.carton_wire.frames import Frame, FrameDecoder, encode_frame
from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import Codec, Kind, Message
from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.pipes import Pipes


def codec() -> Codec:
    """One that sends everything in frames."""
    return Codec(Memory(None, side=0))


def frame_bytes(
    kind: int = 6, sequence: int = 1, call: int = 1, header: bytes = b"{}", buffers: Iterable[bytes] = ()
) -> bytes:
    return b"".join(encode_frame(kind, sequence, call, header, [memoryview(buffer) for buffer in buffers]))


def frame_of(message: Message) -> Frame:
    (frame,) = decoded(b"".join(codec().encode(message)))
    return frame


class Pieces:
    """A pipe that gives these pieces, one to each call, or as much of one as there is room for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = [memoryview(piece) for piece in pieces if piece]

    def read(self, room: int) -> bytes:
        return bytes(self._next(room))

    def readv(self, rooms: Sequence[memoryview]) -> int:
        (room,) = rooms
        received = self._next(room.nbytes)
        room[: received.nbytes] = received
        return received.nbytes

    def _next(self, room: int) -> memoryview:
        if not self._pieces:
            return memoryview(b"")
        piece = self._pieces[0]
        self._pieces[:1] = [piece[room:]] if room < len(piece) else []
        return piece[:room]


def decoded(data: bytes, chunks: Iterable[int] = ()) -> list[Frame]:
    """The frames of `data`, received in chunks of these sizes."""
    pieces, start = [], 0
    for size in chunks:
        pieces.append(data[start : start + size])
        start += size
    source, decoder, found = Pieces([*pieces, data[start:]]), FrameDecoder(), []
    while decoder.receive_from(source):
        found.extend(decoder.frames())
    return found


def plain(frame: Frame) -> tuple[int, int, int, bytes, bytes]:
    """A frame as what can be compared."""
    kind, sequence, call, header, body = frame
    return kind, sequence, call, header, bytes(body)


def round_trip(**tensors: Any) -> dict[str, Any]:
    """The tensors after a journey in a frame."""
    return codec().decode(frame_of(Message(Kind.CALL, 1, {"handle": None, "credit": 0}, tensors))).tensors


def assert_same(first: Any, second: Any) -> None:
    """Two tensors are equal in type, dtype, shape and every value."""
    assert type(first) is type(second)
    if isinstance(first, NestedTensor):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
        return
    assert first.shape == second.shape
    assert first.dtype.kind == "U" == second.dtype.kind or first.dtype == second.dtype
    assert np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


@contextmanager
def socketpair() -> Iterator[tuple[socket.socket, socket.socket]]:
    first, second = socket.socketpair()
    with first, second:
        yield first, second


@contextmanager
def piped() -> Iterator[tuple[Pipes, Pipes]]:
    """Both ends of a connection; each takes a megabyte before it is full."""
    one, two = os.pipe(), os.pipe()
    for _, outgoing in (one, two):
        fcntl.fcntl(outgoing, fcntl.F_SETPIPE_SZ, 1 << 20)
    first, second = Pipes(two[0], one[1]), Pipes(one[0], two[1])
    try:
        yield first, second
    finally:
        first.close()
        second.close()
