"""Frames: a fixed prefix, a header and a body of raw bytes. No I/O here.

::

    magic "CTN2" | kind u16 | 2 zero bytes | header length u32 | 4 zero bytes | body length u64 | sequence u64 | call
    u64
    header: at most MAX_HEADER bytes
    body: buffers, each at a multiple of ALIGNMENT from the start of the body; at most MAX_BODY bytes

All numbers are little-endian. What differs between two calls of the same shape is in the prefix, so that the header's
bytes are the same and need not be made or understood twice.

Reading is built to survive a `KeyboardInterrupt` between any two bytecodes, because callers in the main thread read for
themselves: what was received is counted by one C call (`FrameDecoder.receive_from`), and a frame is passed over, by
setting one attribute, only when whoever took it comes back for the next. One that is therefore offered twice carries
the same sequence number.
"""

from __future__ import annotations

import struct
from typing import Any, Iterator, NamedTuple, Sequence

import numpy as np

from .errors import WireError

MAGIC = b"CTN2"
ALIGNMENT = 64
MAX_HEADER = 64 << 20
MAX_BODY = 1 << 40
SMALL = 1 << 12
"""Bytes of a body that is copied into one piece, which is quicker than sending it in several."""

_PREFIX = struct.Struct("<4sH2xI4xQQQ")
_PREFIX_SIZE = _PREFIX.size
_SCRATCH = 1 << 16

new_tuple = tuple.__new__
"""``new_tuple(Frame, (…))`` makes a named tuple in a third of the time that ``Frame(…)`` takes."""


class Frame(NamedTuple):
    """A frame as received. `body` is writable memory of its own."""

    kind: int
    sequence: int
    call: int
    header: bytes
    body: memoryview


def encode_frame(kind: int, sequence: int, call: int, header: bytes, buffers: Sequence[memoryview]) -> list[memoryview]:
    """The pieces to send, in order; `buffers` (flat memoryviews of bytes) are copied only where that is quicker."""
    pieces = []
    length = 0
    for buffer in buffers:
        gap = -length % ALIGNMENT
        if gap:
            pieces.append(memoryview(bytes(gap)))
        pieces.append(buffer)
        length += gap + buffer.nbytes
    if len(header) > MAX_HEADER or length > MAX_BODY:
        raise WireError(f"a message of {len(header)} + {length} bytes is larger than the wire carries")
    prefix = _PREFIX.pack(MAGIC, kind, len(header), length, sequence, call)
    if length <= SMALL:
        return [memoryview(b"".join((prefix, header, *pieces)))]
    return [memoryview(prefix + header), *(piece for piece in pieces if piece.nbytes)]


def small_frame(kind: int, sequence: int, call: int, header: bytes, body: bytes) -> bytes:
    """A frame whose header and body were seen to be small, in one piece."""
    return _PREFIX.pack(MAGIC, kind, len(header), len(body), sequence, call) + header + body


class _State(NamedTuple):
    """Where reading stands: bytes ``start … end + sum(counts)`` of `memory` are received and not yet parsed."""

    memory: memoryview
    shared: bool  # memory that holds many frames and is used again, or memory made for one large frame
    start: int
    end: int
    counts: list[int]
    looked_at: bool  # whether those before `end` are known to hold no whole frame


class FrameDecoder:
    """Turns received bytes into frames.

    Small frames are received many at a time into a scratch buffer; a large one gets memory of its own, into which the
    rest of it is received directly.
    """

    def __init__(self) -> None:
        self._state = _empty(_memory(_SCRATCH))

    @property
    def has_received(self) -> bool:
        """Whether `frames` may have something to offer."""
        return bool(self._state.counts) or not self._state.looked_at

    @property
    def pending(self) -> int:
        """Bytes that are received and not taken."""
        state = self._state
        return state.end + sum(state.counts) - state.start

    def receive_from(self, sock: Any, flags: int = 0) -> int:
        """One ``sock.recv_into``: how many bytes came, 0 at the end of the stream; raises what the socket raises.

        Go through `frames` between any two calls: only then is there sure to be room.
        """
        memory, _, _, end, counts, _ = self._state
        if end or counts:
            memory = memory[end + sum(counts) :]
        # One C call receives and records: an interrupt lands before it or after it, never between the two.
        counts.extend(map(sock.recv_into, (memory,), (0,), (flags,)))
        return counts[-1]

    def frames(self) -> Iterator[Frame]:
        """The frames that are whole by now. One is taken when the next is asked for, and offered again if it never is.

        Raises:
            WireError: the bytes are no frame; the decoder is of no further use.
        """
        memory, shared, start, end, counts, _ = state = self._state
        end += sum(counts)
        size = _PREFIX_SIZE
        while end - start >= _PREFIX_SIZE:
            magic, kind, header_size, body_size, sequence, call = _PREFIX.unpack_from(memory, start)
            if magic != MAGIC or header_size > MAX_HEADER or body_size > MAX_BODY:
                raise _no_frame(memory, start, header_size, body_size)
            size = _PREFIX_SIZE + header_size + body_size
            if start + size > end:
                break
            header_end = start + _PREFIX_SIZE + header_size
            body = memory[header_end : start + size]
            header = memory[start + _PREFIX_SIZE : header_end].tobytes()
            if shared:  # out of the memory that is used again; a bytearray is made in a third of an array's time
                body = memoryview(bytearray(body))
            yield new_tuple(Frame, (kind, sequence, call, header, body))
            start += size
            size = _PREFIX_SIZE
            if start < end:
                self._state = _State(memory, shared, start, end, [], False)
        if start == end and shared and not self._state.end:
            counts.clear()  # nearly always: all of what came was frames
        else:
            self._state = _rest(state, start, end, size)


def _no_frame(memory: memoryview, start: int, header: int, body: int) -> WireError:
    if memory[start : start + len(MAGIC)] != MAGIC:
        return WireError(f"expected a frame, received {bytes(memory[start : start + 16])!r}")
    return WireError(f"a frame claims a header of {header} and a body of {body} bytes")


def _rest(state: _State, start: int, end: int, size: int) -> _State:
    """The state after parsing up to `start`, with room for the `size` bytes of the next frame."""
    if start == end:
        return _empty(state.memory if state.shared else _memory(_SCRATCH))
    if start + size <= state.memory.nbytes:
        return _State(state.memory, state.shared, start, end, [], True)
    # Into fresh memory, since an interrupted move within the same one could not be done again.
    shared = size <= _SCRATCH
    fresh = _memory(_SCRATCH if shared else size)
    fresh[: end - start] = state.memory[start:end]
    return _State(fresh, shared, 0, end - start, [], True)


def _empty(memory: memoryview) -> _State:
    return _State(memory, True, 0, 0, [], True)


def _memory(size: int) -> memoryview:
    try:
        return np.empty(size, np.uint8).data
    except MemoryError as error:
        raise WireError(f"no memory for a frame of {size} bytes") from error
