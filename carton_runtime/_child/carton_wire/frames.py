"""Frames: a fixed prefix, a header and a body of raw bytes. No I/O here.

::

    magic "CTN2" | kind u16 | 2 zero bytes | header length u32 | 4 zero bytes | body length u64 | sequence u64 | call
    u64
    header: at most MAX_HEADER bytes
    body: buffers, each at a multiple of ALIGNMENT from the start of the body; at most MAX_BODY bytes

All numbers are little-endian. What differs between two calls of the same shape is in the prefix, so that the header's
bytes are the same and need not be made or understood twice.

Reading is built to survive a `KeyboardInterrupt` between any two bytecodes, because callers in the main thread read for
themselves: what was received is recorded by the C call that receives it (`FrameDecoder.receive_from`), and a frame is
passed over, by setting one attribute, only when whoever took it comes back for the next. One that is therefore offered
twice carries the same sequence number.

Each call goes through here four times, so that frames and states are plain tuples: they are made and taken apart in a
fraction of the time that named ones take.
"""

from __future__ import annotations

import struct
from itertools import groupby
from typing import Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from .errors import WireError
from .pipes import Bytes, Pipes

MAGIC = b"CTN2"
ALIGNMENT = 64
MAX_HEADER = 64 << 20
MAX_BODY = 1 << 40
SMALL = 1 << 12
"""Bytes of a body, or of a part of it, from which it is sent as it is; to copy what is smaller is quicker."""

_PREFIX = struct.Struct("<4sH2xI4xQQQ")
_PREFIX_SIZE = _PREFIX.size
_OPENING = struct.Struct("<4sH2xI4xQ")
_CHUNK = 1 << 14

Frame = Tuple[int, int, int, bytes, Union[bytearray, memoryview]]
"""A frame as received: kind, sequence, call, header, and the body, which is writable memory of its own."""

new_tuple = tuple.__new__
"""``new_tuple(Message, (…))`` makes a named tuple in a third of the time that ``Message(…)`` takes."""

pack_numbers = struct.Struct("<QQ").pack
"""The second part of a prefix, of a sequence number and a call's."""


def encode_frame(kind: int, sequence: int, call: int, header: bytes, buffers: Sequence[memoryview]) -> list[memoryview]:
    """The pieces to send, in order; `buffers` (flat memoryviews of bytes) are copied only where that is quicker."""
    pieces: list[Bytes] = []
    length = 0
    for buffer in buffers:
        gap = -length % ALIGNMENT
        if gap:
            pieces.append(bytes(gap))
        pieces.append(buffer)
        length += gap + buffer.nbytes
    if len(header) > MAX_HEADER or length > MAX_BODY:
        raise WireError(f"a message of {len(header)} + {length} bytes is larger than the wire carries")
    prefix = opening(kind, len(header), length) + pack_numbers(sequence, call)
    if length <= SMALL:
        return [memoryview(b"".join((prefix, header, *pieces)))]
    return [memoryview(prefix + header), *_few(pieces)]


def _few(pieces: Sequence[Bytes]) -> Iterator[memoryview]:
    """The same bytes in few pieces: small ones that follow each other are joined."""
    for is_small, run in groupby(pieces, _is_small):
        if is_small:
            joined = b"".join(run)
            if joined:
                yield memoryview(joined)
        else:
            yield from (memoryview(piece) for piece in run)


def _is_small(piece: Bytes) -> bool:
    return len(piece) < SMALL


def opening(kind: int, header_size: int, body_size: int) -> bytes:
    """The first part of a prefix; `pack_numbers` makes the second."""
    return _OPENING.pack(MAGIC, kind, header_size, body_size)


class FrameDecoder:
    """Turns received bytes into frames.

    Small frames are received many at a time; a large one gets memory of its own, into which the rest of it is received
    directly.
    """

    def __init__(self) -> None:
        # Bytes that were looked at; where in them the next frame begins, 0 when they are known to hold no whole one;
        # what was received after them; and the large frame that is being received instead of all that.
        self._state: _State = (b"", 0, [], None)

    @property
    def pending(self) -> int:
        """Bytes that are received and not taken."""
        data, start, chunks, large = self._state
        return len(data) - start + sum(map(len, chunks)) + (0 if large is None else large.received)

    def receive_from(self, source: Pipes) -> int:
        """Receive once, unless `frames` may have something to offer as it is: 0 at the end of the stream, else more.

        Raises what reading raises.
        """
        _, start, chunks, large = self._state
        if large is not None:
            return large.receive_from(source)
        if start or chunks:
            return self.pending
        # One C call receives and records: an interrupt lands before it or after it, never between the two.
        chunks.extend(map(source.read, (_CHUNK,)))
        return len(chunks[0])

    def frames(self) -> Iterator[Frame]:
        """The frames that are whole by now. One is taken when the next is asked for, and offered again if it never is.

        Raises:
            WireError: the bytes are no frame; the decoder is of no further use.
        """
        data, start, chunks, large = self._state
        if large is not None:
            if large.is_whole:
                yield large.frame()
                self._state = (b"", 0, [], None)
            return
        data = data[start:] + b"".join(chunks)  # nearly always one chunk and nothing before it, which copies nothing
        start = 0
        length = len(data)
        while length - start >= _PREFIX_SIZE:
            magic, kind, header_size, body_size, sequence, call = _PREFIX.unpack_from(data, start)
            if magic != MAGIC or header_size > MAX_HEADER or body_size > MAX_BODY:
                raise _no_frame(data[start:], header_size, body_size)
            body_start = start + _PREFIX_SIZE + header_size
            end = body_start + body_size
            if end > length:
                if end - start > _CHUNK:
                    self._state = (b"", 0, [], _LargeFrame(data[start:], end - start))
                    return
                break
            yield kind, sequence, call, data[start + _PREFIX_SIZE : body_start], bytearray(data[body_start:end])
            start = end
            if start < length:
                self._state = (data, start, [], None)
        self._state = (data[start:], 0, [], None)


class _LargeFrame:
    """A frame that is received into memory of its own.

    Args:
        received: its first bytes, the whole prefix among them.
        size: how many it has.

    Raises:
        WireError: there is no memory for it.
    """

    def __init__(self, received: bytes, size: int) -> None:
        try:
            self._memory = np.empty(size, np.uint8).data
        except MemoryError as error:
            raise WireError(f"no memory for a frame of {size} bytes") from error
        self._memory[: len(received)] = received
        self._counts = [len(received)]

    @property
    def received(self) -> int:
        """How many bytes are here."""
        return sum(self._counts)

    @property
    def is_whole(self) -> bool:
        """Whether all of them are."""
        return self.received == self._memory.nbytes

    def receive_from(self, source: Pipes) -> int:
        """As `FrameDecoder.receive_from`."""
        if self.is_whole:
            return self.received
        if len(self._counts) > 1:
            self._counts = [self.received]  # or adding them up would take ever longer
        room = self._memory[self.received :]
        self._counts.extend(map(source.readv, ((room,),)))
        return self._counts[-1]

    def frame(self) -> Frame:
        """The frame, once it is whole."""
        _, kind, header_size, _, sequence, call = _PREFIX.unpack_from(self._memory)
        body_start = _PREFIX_SIZE + header_size
        return kind, sequence, call, self._memory[_PREFIX_SIZE:body_start].tobytes(), self._memory[body_start:]


_State = Tuple[bytes, int, List[bytes], Optional[_LargeFrame]]


def _no_frame(data: bytes, header: int, body: int) -> WireError:
    if not data.startswith(MAGIC):
        return WireError(f"expected a frame, received {data[:16]!r}")
    return WireError(f"a frame claims a header of {header} and a body of {body} bytes")
