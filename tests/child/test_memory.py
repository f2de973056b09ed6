"""Shared memory: passed once, used again, never in use on two sides for two things."""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from child.tools import assert_same, decoded, frame_bytes

from carton_runtime import NestedTensor
from carton_runtime._child.carton_wire import memory as module
from carton_runtime._child.carton_wire import regions
from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.memory import THRESHOLD, Memory
from carton_runtime._child.carton_wire.messages import Codec, Kind, Message

LARGE = THRESHOLD
pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="there is no memfd here")


class Side:
    """One end of a connection."""

    def __init__(self, sock: socket.socket, side: int) -> None:
        self.memory = Memory(sock, side)
        self.codec = Codec(self.memory)

    def sent(self, **tensors: object) -> bytes:
        return b"".join(self.codec.encode(Message(Kind.RESULT, 1, {}, tensors)))

    def take(self, data: bytes) -> dict:
        (frame,) = decoded(data)
        return self.codec.decode(frame).tensors


class Pair:
    def __init__(self, first: Side, second: Side) -> None:
        self.first, self.second = first, second

    def pass_on(self, **tensors: object) -> dict:
        """From the first to the second."""
        return self.second.take(self.first.sent(**tensors))

    def settle(self) -> None:
        """Have each tell the other what is free again."""
        gc.collect()
        self.first.take(self.second.sent())
        self.second.take(self.first.sent())


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    found = Pair(Side(one, 0), Side(other, 1))
    yield found
    for side in (found.first, found.second):
        side.memory.close()


def numbers(value: float = 1.0, nbytes: int = LARGE) -> np.ndarray:
    return np.full(nbytes // 8, float(value))


@pytest.mark.parametrize(
    "tensor",
    [
        numbers(),
        np.arange(2 * LARGE, dtype=np.uint8).reshape(2, -1),
        np.array([f"string {number}" for number in range(LARGE // 20)]),
        NestedTensor([numbers(1), numbers(2, 80), np.zeros(0), numbers(3)]),
        NestedTensor([np.array(["a", "😀"] * LARGE), np.array(["longer"])]),
    ],
    ids=["numbers", "rows", "strings", "nested", "nested strings"],
)
def test_large_tensors_arrive_outside_the_frame(pair: Pair, tensor: object) -> None:
    data = pair.first.sent(x=tensor)
    assert len(data) < 4096
    assert_same(pair.second.take(data)["x"], tensor)


def test_small_tensors_stay_in_the_frame(pair: Pair) -> None:
    data = pair.first.sent(x=numbers(nbytes=LARGE - 8))
    assert len(data) > LARGE - 8
    assert pair.first.memory.pooled_bytes == 0


def test_without_memfd_everything_stays_in_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    one, other = socket.socketpair()
    with one, other:
        first, second = Side(one, 0), Side(other, 1)
        assert_same(second.take(first.sent(x=numbers()))["x"], numbers())
        assert first.memory.pooled_bytes == 0
        assert first.memory.allocate((LARGE,), np.uint8).shape == (LARGE,)


def test_what_is_not_sent_lends_nothing_and_loses_no_news(pair: Pair) -> None:
    found = pair.pass_on(x=numbers())
    del found
    gc.collect()
    with pytest.raises(WireError, match="'y' has strings of"):
        pair.second.sent(x=numbers(), y=np.zeros(0, "U10000000"))
    assert pair.second.memory.pooled_bytes == 0
    pair.settle()
    pair.first.memory.trim(longest_idle=0)
    assert pair.first.memory.pooled_bytes == 0, "the news that it is free again came"


def test_large_and_small_tensors_travel_together(pair: Pair) -> None:
    sent = {"a": np.arange(3), "b": numbers(), "c": np.array("text"), "d": numbers(2), "e": np.zeros((0, 2))}
    found = pair.pass_on(**sent)
    for name, tensor in sent.items():
        assert_same(found[name], tensor)


def test_memory_is_used_again_when_the_last_array_on_it_has_died(pair: Pair) -> None:
    for value in range(8):
        assert (pair.pass_on(x=numbers(value))["x"] == value).all()
        pair.settle()
    assert pair.first.memory.pooled_bytes == LARGE


def test_memory_is_not_used_again_while_an_array_looks_at_it(pair: Pair) -> None:
    kept = [pair.pass_on(x=numbers(value))["x"][10:20] for value in range(10)]
    pair.settle()
    pair.pass_on(x=numbers(-1))
    assert [part.tolist() for part in kept] == [[float(value)] * 10 for value in range(10)]


def test_what_is_kept_beyond_a_number_of_regions_travels_in_frames(pair: Pair) -> None:
    """Each region costs descriptors, of which a process has a thousand."""
    before = open_descriptors()
    kept = [pair.pass_on(x=numbers(value))["x"] for value in range(module._MOST_OWN + 20)]
    assert pair.second.memory.regions == module._MOST_OWN
    assert open_descriptors() <= before + 2 * module._MOST_OWN
    assert [part[0] for part in kept] == list(range(len(kept)))
    del kept
    pair.settle()
    pair.pass_on(x=numbers())
    assert pair.second.memory.regions == module._MOST_OWN, "what was kept is used again"


def test_idle_memory_of_another_size_makes_room(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_OWN", 4)
    for size in range(8):
        pair.pass_on(x=numbers(nbytes=LARGE << size))
        pair.settle()
        assert pair.first.memory.regions <= 4
        assert pair.second.memory.regions <= 4
    assert pair.first.memory.pooled_bytes == LARGE * (16 + 32 + 64 + 128)


def test_a_view_of_a_view_keeps_the_memory(pair: Pair) -> None:
    kept = pair.pass_on(x=numbers(1))["x"].reshape(2, -1)[1:].view(np.int64)
    before = kept.copy()
    for value in range(3):
        pair.settle()
        pair.pass_on(x=numbers(value + 5))
    assert np.array_equal(kept, before)


def test_one_tensor_may_be_sent_twice_at_once(pair: Pair) -> None:
    tensor = numbers(4)
    found = pair.pass_on(x=tensor, y=tensor)
    found["x"][:] = 0
    pair.settle()
    assert_same(tensor, numbers(4))


def test_what_is_sent_back_is_not_copied(pair: Pair) -> None:
    found = pair.pass_on(x=numbers(3))["x"]
    back = pair.first.take(pair.second.sent(x=found))["x"]
    assert_same(back, numbers(3))
    assert pair.second.memory.pooled_bytes == 0


def test_what_was_sent_back_is_kept_until_both_have_let_go(pair: Pair) -> None:
    found = pair.pass_on(x=numbers(3))["x"]
    back = pair.first.take(pair.second.sent(x=found))["x"]
    del found
    pair.settle()
    pair.pass_on(x=numbers(9))
    assert_same(back, numbers(3))


def test_an_allocated_tensor_is_sent_without_a_copy(pair: Pair) -> None:
    tensor = pair.first.memory.allocate((LARGE // 8,), np.float64)
    tensor[:] = 5
    found = pair.pass_on(x=tensor)["x"]
    tensor[0] = 6
    assert found[0] == 6
    assert pair.first.memory.pooled_bytes == LARGE


def test_a_part_of_an_allocated_tensor_is_sent_without_a_copy(pair: Pair) -> None:
    tensor = pair.first.memory.allocate((4, LARGE), np.uint8)
    tensor[:] = np.arange(4, dtype=np.uint8)[:, None]
    assert (pair.pass_on(x=tensor[2])["x"] == 2).all()
    assert pair.first.memory.pooled_bytes == 4 * LARGE


def test_an_allocated_tensor_that_died_is_used_again(pair: Pair) -> None:
    for _ in range(20):
        tensor = pair.first.memory.allocate((LARGE,), np.uint8)
        del tensor
    assert pair.first.memory.pooled_bytes == LARGE


def test_idle_memory_is_given_back_on_both_sides(pair: Pair) -> None:
    pair.pass_on(x=numbers())
    pair.settle()
    before = open_regions()
    pair.first.memory.trim(longest_idle=0)
    pair.settle()
    assert pair.first.memory.pooled_bytes == 0
    gc.collect()
    assert open_regions() == before - 2


def test_memory_that_is_looked_at_is_not_given_back(pair: Pair) -> None:
    kept = pair.pass_on(x=numbers(2))["x"]
    pair.first.memory.trim(longest_idle=0)
    pair.settle()
    assert_same(kept, numbers(2))


def test_arrays_outlive_the_connection(pair: Pair) -> None:
    kept = pair.pass_on(x=numbers(2))["x"]
    pair.first.memory.close()
    pair.second.memory.close()
    assert_same(kept, numbers(2))


def open_regions() -> int:
    return Path("/proc/self/maps").read_text(encoding="utf-8").count("/memfd:carton")


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


# Lies


def frame_naming(region: int, offset: int = 0, nbytes: int = 8, **news: object) -> bytes:
    header = {"fields": {}, "tensors": [["x", "uint8", [nbytes], 0, region, offset]], **news}
    return frame_bytes(Kind.RESULT, header=json.dumps(header).encode())


def hand_over(sock: socket.socket, number: int, size: int, descriptors: list[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
    sock.sendmsg([struct.pack("<QQ", number, size)], rights)


@pytest.fixture
def lied_to() -> Iterator[tuple[socket.socket, Side]]:
    liar, other = socket.socketpair()
    side = Side(other, 0)
    with liar:
        yield liar, side
    side.memory.close()


@pytest.fixture
def unsealed() -> Iterator[int]:
    descriptor = os.memfd_create("carton", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, 4096)
    yield descriptor
    os.close(descriptor)


def test_a_region_that_nobody_handed_over_is_refused(lied_to: tuple) -> None:
    with pytest.raises(WireError, match="never handed over"):
        lied_to[1].take(frame_naming(1))


def test_a_region_that_cannot_be_mapped_is_a_wire_error(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = pair.first.sent(x=numbers())

    def no_descriptors(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(regions.mmap, "mmap", no_descriptors)
    with pytest.raises(WireError, match=r"cannot be mapped: .*Too many open files"):
        pair.second.take(sent)


def test_a_region_that_could_shrink_is_refused(lied_to: tuple, unsealed: int) -> None:
    liar, side = lied_to
    hand_over(liar, 1, 4096, [unsealed])
    with pytest.raises(WireError, match="not sealed"):
        side.take(frame_naming(1))


@pytest.mark.parametrize("count", [0, 2])
def test_a_region_of_another_number_of_descriptors_is_refused_and_closed(
    lied_to: tuple, unsealed: int, count: int
) -> None:
    liar, side = lied_to
    hand_over(liar, 1, 4096, [unsealed] * count)
    before = open_descriptors()
    with pytest.raises(WireError, match="handed over"):
        side.take(frame_naming(1))
    assert open_descriptors() == before


def test_a_region_that_claims_to_be_ours_is_refused(lied_to: tuple, unsealed: int) -> None:
    liar, side = lied_to
    hand_over(liar, 2, 4096, [unsealed])
    with pytest.raises(WireError, match="may not be"):
        side.take(frame_naming(2))


@pytest.mark.parametrize(("offset", "nbytes"), [(LARGE, 1), (LARGE - 4, 8), (2**62, 8), (0, LARGE + 1)])
def test_what_lies_outside_its_region_is_refused(pair: Pair, offset: int, nbytes: int) -> None:
    pair.pass_on(x=numbers())
    with pytest.raises(WireError, match="are not in region"):
        pair.second.take(frame_naming(2, offset, nbytes))


@pytest.mark.parametrize("free", [[2], [1], [77], [-1]])
def test_freeing_what_was_never_lent_is_refused(pair: Pair, free: list[int]) -> None:
    with pytest.raises(WireError, match="is freed and was not lent"):
        pair.second.take(frame_naming(0, nbytes=0, free=free))


def test_freeing_twice_is_refused(pair: Pair) -> None:
    pair.pass_on(x=numbers())
    pair.first.take(frame_naming(0, nbytes=0, free=[2]))
    with pytest.raises(WireError, match="is freed and was not lent"):
        pair.first.take(frame_naming(0, nbytes=0, free=[2]))
