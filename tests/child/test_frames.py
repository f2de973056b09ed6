"""Frames: any bytes, however they come, are the same frames."""

from __future__ import annotations

import struct
import tracemalloc
from itertools import islice

import numpy as np
import pytest
from child.tools import Pieces, decoded, frame_bytes, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from carton_runtime._child.carton_wire import frames
from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.frames import (
    ALIGNMENT,
    MAX_BODY,
    MAX_HEADER,
    SMALL,
    FrameDecoder,
    encode_frame,
)

PREFIX = 40
SEQUENCE, HEADER, BODY = 1, 3, 4
CHUNK = 1 << 14
LARGE = bytes(range(256)) * (CHUNK // 128)


@st.composite
def a_stream(draw: st.DrawFn) -> tuple[bytes, list[tuple]]:
    """Some frames, small and large, as bytes and as what should come out."""
    data, expected = b"", []
    for sequence in range(draw(st.integers(1, 6))):
        kind, call = draw(st.integers(0, 2**16 - 1)), draw(st.integers(0, 2**64 - 1))
        header = draw(st.binary(max_size=60))
        body = draw(st.sampled_from([b"", b"x", b"y" * 500, LARGE]))
        data += frame_bytes(kind, sequence, call, header, [body])
        expected.append((kind, sequence, call, header, body))
    return data, expected


@settings(max_examples=150, deadline=None)
@given(a_stream(), st.lists(st.one_of(st.integers(1, 100), st.integers(1, CHUNK)), max_size=40))
def test_any_split_of_the_bytes_gives_the_same_frames(stream: tuple[bytes, list], chunks: list[int]) -> None:
    data, expected = stream
    assert [plain(frame) for frame in decoded(data, chunks)] == expected


def test_byte_by_byte_gives_the_same_frames() -> None:
    data = b"".join(frame_bytes(sequence=number, header=b"h" * number, buffers=[b"b" * number]) for number in range(5))
    assert [plain(frame) for frame in decoded(data, [1] * len(data))] == [plain(frame) for frame in decoded(data)]


def test_a_frame_is_whole_with_its_last_byte_and_not_before() -> None:
    data = frame_bytes(header=b"header", buffers=[b"body"])
    decoder = FrameDecoder()
    decoder.receive_from(Pieces([data[:-1]]))
    assert list(decoder.frames()) == []
    decoder.receive_from(Pieces([data[-1:]]))
    assert len(list(decoder.frames())) == 1


@pytest.mark.parametrize("room_left", [0, 1, PREFIX - 1, PREFIX, PREFIX + 1])
def test_a_frame_across_the_end_of_what_is_received_at_once_is_whole(room_left: int) -> None:
    filler = frame_bytes(sequence=1, buffers=[bytes(CHUNK - PREFIX - 2 - room_left)])
    data = filler + frame_bytes(sequence=2, header=b"second", buffers=[b"body"])
    assert [plain(frame)[1:] for frame in decoded(data)][1] == (2, 1, b"second", b"body")


def test_the_end_of_the_stream_gives_no_frame() -> None:
    decoder = FrameDecoder()
    assert decoder.receive_from(Pieces([])) == 0
    assert list(decoder.frames()) == []


@pytest.mark.parametrize("size", [5, 1 << 20])
def test_nothing_further_is_received_before_somebody_has_looked_at_what_is_there(size: int) -> None:
    first, decoder = Pieces([frame_bytes(sequence=1, buffers=[bytes(size)])]), FrameDecoder()
    while not decoder.pending > size:
        decoder.receive_from(first)
        list(islice(decoder.frames(), 1))  # offered, and not taken
    untouched = Pieces([frame_bytes(sequence=2)])
    assert decoder.receive_from(untouched) > 0
    assert [frame[1] for frame in decoder.frames()] == [1]
    decoder.receive_from(untouched)
    assert [frame[1] for frame in decoder.frames()] == [2]


def test_what_the_pipe_raises_passes_and_loses_nothing() -> None:
    class Empty:
        def read(self, room: int) -> bytes:
            raise BlockingIOError

    data = frame_bytes(header=b"header")
    decoder = FrameDecoder()
    decoder.receive_from(Pieces([data[:10]]))
    list(decoder.frames())
    with pytest.raises(BlockingIOError):
        decoder.receive_from(Empty())
    decoder.receive_from(Pieces([data[10:]]))
    assert [plain(frame)[3] for frame in decoder.frames()] == [b"header"]


def test_bodies_are_writable_memory_of_their_own() -> None:
    first, second = decoded(frame_bytes(sequence=1, buffers=[b"one"]) + frame_bytes(sequence=2, buffers=[b"two"]))
    first[BODY][:] = b"ONE"
    assert (bytes(first[BODY]), bytes(second[BODY])) == (b"ONE", b"two")


def test_a_body_outlives_what_is_received_after_it() -> None:
    source = Pieces([frame_bytes(buffers=[b"first"]), frame_bytes(buffers=[b"XXXXX"])])
    decoder = FrameDecoder()
    decoder.receive_from(source)
    (frame,) = decoder.frames()
    decoder.receive_from(source)
    list(decoder.frames())
    assert bytes(frame[BODY]) == b"first"


def test_a_large_frame_is_received_into_its_own_memory_and_not_copied() -> None:
    size = 8 << 20
    data = frame_bytes(buffers=[bytes(size)])
    source, decoder, found = Pieces([data]), FrameDecoder(), []
    tracemalloc.start()
    try:
        while decoder.receive_from(source):
            found.extend(decoder.frames())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found[0][BODY]) == size
    assert size <= peak < size + 4 * CHUNK


def test_a_second_copy_would_be_noticed() -> None:
    size = 8 << 20
    tracemalloc.start()
    try:
        kept = [np.empty(size, np.uint8), np.empty(size, np.uint8)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(kept) == 2
    assert peak >= 2 * size


def test_what_is_sent_is_not_copied_when_it_is_large() -> None:
    memory = np.arange(5000, dtype=np.uint8)
    pieces = encode_frame(1, 1, 1, b"{}", [memory.data])
    assert any(np.shares_memory(np.asarray(piece), memory) for piece in pieces)


def one_by_one(kind: int, sequence: int, call: int, header: bytes, buffers: list[bytes]) -> bytes:
    """A frame as the module draws it, put together with no regard to pieces."""
    body = b""
    for buffer in buffers:
        body += bytes(-len(body) % ALIGNMENT) + buffer
    return struct.pack("<4sH2xI4xQQQ", b"CTN2", kind, len(header), len(body), sequence, call) + header + body


SIZES = st.one_of(st.integers(0, 200), st.integers(SMALL - 2, SMALL + 2), st.just(3 * SMALL))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.lists(SIZES, max_size=30))
def test_a_frame_has_the_same_bytes_in_however_few_pieces(header: bytes, sizes: list[int]) -> None:
    buffers = [bytes([1 + index]) * size for index, size in enumerate(sizes)]
    assert frame_bytes(1, 2, 3, header, buffers) == one_by_one(1, 2, 3, header, buffers)


def test_small_buffers_are_few_pieces_and_large_ones_their_own_memory() -> None:
    small, large = bytes(12), np.zeros(SMALL, np.uint8)
    buffers = [memoryview(small)] * 10_000
    pieces = encode_frame(1, 1, 1, b"{}", [*buffers, large.data, *buffers, large.data])
    shares = [np.shares_memory(np.asarray(piece), large) for piece in pieces]
    assert shares == [False, False, True, False, True], "prefix and header, small ones, a large one, and so on"


def test_buffers_begin_at_multiples_of_the_alignment() -> None:
    (frame,) = decoded(frame_bytes(buffers=[b"a", b"bb", b"", b"c" * ALIGNMENT, b"d"]))
    body = bytes(frame[BODY])
    starts = [0, ALIGNMENT, 2 * ALIGNMENT, 3 * ALIGNMENT]
    assert [body[start : start + 1] for start in starts] == [b"a", b"b", b"c", b"d"]
    assert len(body) == 3 * ALIGNMENT + 1


def test_the_prefix_is_as_the_module_draws_it() -> None:
    data = frame_bytes(kind=3, sequence=4, call=5, header=b"six", buffers=[b"seven"])
    assert struct.unpack_from("<4sH2xI4xQQQ", data) == (b"CTN2", 3, 3, 5, 4, 5)
    assert data[PREFIX:] == b"sixseven"


# Limits


def lying(header: int = 0, body: int = 0, magic: bytes = b"CTN2") -> bytes:
    return struct.pack("<4sH2xI4xQQQ", magic, 1, header, body, 1, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lying(magic=b"HTTP"), "expected a frame, received b'HTTP"),
        (lying(header=MAX_HEADER + 1), f"claims a header of {MAX_HEADER + 1}"),
        (lying(body=MAX_BODY + 1), f"body of {MAX_BODY + 1} bytes"),
        (lying(body=2**64 - 1), "claims"),
    ],
)
def test_what_is_no_frame_is_refused_with_its_first_bytes_or_its_claim(data: bytes, message: str) -> None:
    with pytest.raises(WireError, match=message):
        decoded(data)


def test_a_frame_after_a_good_one_is_refused_after_the_good_one_was_given() -> None:
    decoder, found = FrameDecoder(), []
    decoder.receive_from(Pieces([frame_bytes() + lying(magic=b"oops")]))
    with pytest.raises(WireError):
        found.extend(iter(decoder.frames()))
    decoder = FrameDecoder()
    decoder.receive_from(Pieces([frame_bytes() + lying(magic=b"oops")]))
    offered = decoder.frames()
    assert next(offered)[SEQUENCE] == 1
    with pytest.raises(WireError):
        next(offered)


def test_a_frame_for_which_there_is_no_memory_is_a_wire_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(size: int, dtype: object) -> None:
        raise MemoryError

    decoder = FrameDecoder()
    decoder.receive_from(Pieces([lying(body=MAX_BODY)]))
    monkeypatch.setattr(frames.np, "empty", none_left)
    with pytest.raises(WireError, match="no memory for a frame"):
        list(decoder.frames())


def test_the_largest_header_is_received() -> None:
    (frame,) = decoded(frame_bytes(header=bytes(MAX_HEADER)))
    assert len(frame[HEADER]) == MAX_HEADER


def test_a_header_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(WireError, match="larger than the wire carries"):
        frame_bytes(header=bytes(MAX_HEADER + 1))


def test_a_body_that_is_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_BODY", 100)
    frame_bytes(buffers=[bytes(100)])
    with pytest.raises(WireError, match="larger than the wire carries"):
        frame_bytes(buffers=[bytes(101)])
