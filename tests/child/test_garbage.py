"""Whatever comes: messages, or a `WireError`, and memory in bounds."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from child.tools import Pieces, codec, frame_bytes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.frames import FrameDecoder
from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime._child.carton_wire.nested import NestedTensor

LONGEST = 20_000
BOUND = 4 << 20  # bytes; a claim of more must not be believed before the bytes come


def messages_of(data: bytes) -> Iterator[Message]:
    source, decoder, receiver = Pieces([data]), FrameDecoder(), codec()
    while decoder.receive_from(source):
        for frame in decoder.frames():
            yield receiver.decode(frame)


def is_accepted(data: bytes) -> bool:
    """Whether `data` is messages and beginnings of such; the only other outcome is a `WireError`."""
    try:
        for message in messages_of(data):
            assert isinstance(message, Message)
            assert all(isinstance(tensor, np.ndarray | NestedTensor) for tensor in message.tensors.values())
    except WireError:
        return False
    return True


def valid_stream() -> bytes:
    tensors = {
        "f": np.arange(5, dtype=np.float32),
        "s": np.array(["a", "😀"]),
        "n": NestedTensor([[1], [2, 3]]),
        "e": np.zeros((0, 3)),
    }
    sender = codec()
    call = Message(Kind.CALL, 1, {"handle": None, "credit": 0}, tensors)
    more = Message(Kind.MORE, 1, {"credit": 4}, {})
    return b"".join(b"".join(sender.encode(message)) for message in (call, more, call))


VALID = valid_stream()

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SIZES = st.integers(-1, 4) | st.integers(0, 2**80)
DESCRIPTORS = st.tuples(
    st.text(max_size=3) | JSON,
    st.sampled_from(["float32", "int8", "uint64", "U1", "U0", "U9999999", "string"]) | st.text(max_size=4) | JSON,
    st.lists(SIZES, max_size=4) | st.lists(st.lists(SIZES, max_size=3), max_size=3) | JSON,
    st.integers(0, 2) | JSON,
    st.integers(0, 3) | JSON,
    SIZES | JSON,
)
HEADERS = st.fixed_dictionaries(
    {
        "fields": JSON | st.just({"handle": None, "credit": 0}),
        "tensors": JSON | st.lists(DESCRIPTORS.map(list), max_size=3),
    },
    optional={"free": JSON | st.lists(SIZES, max_size=3), "drop": JSON | st.lists(SIZES, max_size=3)},
)


def test_what_is_valid_is_accepted() -> None:
    assert is_accepted(VALID)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=LONGEST))
@example(b"CTN2")
@example(b"CTN2" + b"\xff" * 100)
@example(b"CTN2" + b"\x00" * 100)
def test_random_bytes_are_refused_or_not_yet_a_frame(data: bytes) -> None:
    assert not is_accepted(data) or len(data) < 40 or data.startswith(b"CTN2")


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, len(VALID)),
)
def test_a_stream_with_some_bytes_changed_gives_messages_or_a_wire_error(changes: list, length: int) -> None:
    data = bytearray(VALID)
    for position, value in changes:
        data[position] = value
    is_accepted(bytes(data[:length]))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(VALID)), st.integers(0, len(VALID)), st.binary(max_size=60))
def test_a_stream_with_a_part_replaced_gives_messages_or_a_wire_error(start: int, end: int, part: bytes) -> None:
    is_accepted(VALID[:start] + part + VALID[end:])


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(Kind), HEADERS | JSON, st.binary(max_size=200))
def test_any_header_gives_a_message_or_a_wire_error(kind: Kind, header: object, body: bytes) -> None:
    is_accepted(frame_bytes(kind, header=json.dumps(header).encode(), buffers=[body]))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**16 - 1), st.binary(max_size=300), st.binary(max_size=100))
def test_a_header_of_any_bytes_gives_a_message_or_a_wire_error(kind: int, header: bytes, body: bytes) -> None:
    is_accepted(frame_bytes(kind, header=header, buffers=[body]))


@settings(max_examples=100, deadline=None)
@given(HEADERS, st.binary(max_size=500))
def test_what_a_frame_claims_costs_no_memory(header: object, body: bytes) -> None:
    data = frame_bytes(Kind.CALL, header=json.dumps(header).encode(), buffers=[body])
    assert peak_of(data) < BOUND


@pytest.mark.parametrize("descriptor", [["x", "int8", [2**40], 0, 0, 0], ["x", "U9999999", [2**30], 0, 0, 0]])
def test_a_tensor_that_claims_more_than_came_costs_no_memory(descriptor: list) -> None:
    header = json.dumps({"fields": {"handle": None, "credit": 0}, "tensors": [descriptor]}).encode()
    assert peak_of(frame_bytes(Kind.CALL, header=header, buffers=[b"x"])) < BOUND


def peak_of(data: bytes) -> int:
    tracemalloc.start()
    try:
        is_accepted(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_costs_memory_would_be_noticed() -> None:
    tracemalloc.start()
    try:
        kept = np.zeros(BOUND, np.uint8)
        assert tracemalloc.get_traced_memory()[1] >= kept.nbytes
    finally:
        tracemalloc.stop()
