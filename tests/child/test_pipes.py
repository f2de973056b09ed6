"""The two pipes that carry the messages."""

from __future__ import annotations

import os

import pytest
from child.tools import piped

from carton_runtime._child.carton_wire.connection import send_pieces
from carton_runtime._child.carton_wire.pipes import Pipes


def test_what_one_side_writes_the_other_reads() -> None:
    with piped() as (one, other):
        assert one.write(b"there") == 5
        assert other.writev([b"and ", memoryview(b"back")]) == 8
        assert other.read(100) == b"there"
        room = bytearray(100)
        assert one.readv([memoryview(room)]) == 8
        assert room[:8] == b"and back"


def test_reading_never_waits() -> None:
    with piped() as (one, _):
        with pytest.raises(BlockingIOError):
            one.read(1)
        with pytest.raises(BlockingIOError):
            one.readv([memoryview(bytearray(1))])


def test_the_end_is_read_after_all_that_was_written() -> None:
    with piped() as (one, other):
        one.write(b"last words")
        one.close()
        assert other.read(100) == b"last words"
        assert other.read(100) == b""
        with pytest.raises(BrokenPipeError):
            other.write(b"x")


def test_what_is_more_than_a_pipe_holds_is_sent_in_parts() -> None:
    with piped() as (one, other):
        pieces = [bytes([number]) * 50_000 for number in range(3)]
        taken = bytearray()

        class Narrow(Pipes):
            """Takes less than it is given, as a pipe that is nearly full."""

            def __init__(self) -> None:
                self.write = lambda data: one.write(data[:30_000])
                self.writev = lambda pieces: one.writev([pieces[0][:40_000]])

        send_pieces(Narrow(), pieces)
        one.close()
        while data := other.read(1 << 20):
            taken += data
        assert taken == b"".join(pieces)


@pytest.mark.parametrize("count", [0, 1, 64, 65, 1000])
def test_many_pieces_are_sent_in_order_whatever_the_pipe_takes_at_once(count: int) -> None:
    pieces = [bytes([number % 251]) * (number % 7) for number in range(count)]
    taken = bytearray()

    def take(pieces: list[bytes]) -> int:
        assert len(pieces) <= 64
        some = b"".join(pieces)[: 1 + len(taken) % 90]
        taken.extend(some)
        return len(some)

    class Narrow(Pipes):
        def __init__(self) -> None:
            self.write, self.writev = lambda piece: take([piece]), take

    send_pieces(Narrow(), pieces)
    assert taken == b"".join(pieces)


def test_a_closed_end_leaves_alone_whoever_has_its_numbers_next() -> None:
    with piped() as (one, _):
        numbers = {one.incoming, one.outgoing}
        one.close()
        strangers = os.pipe()
        try:
            assert set(strangers) == numbers, "the lowest numbers that are free are the next"
            for use in (lambda: one.read(1), lambda: one.write(b"x"), lambda: one.writev([b"x"])):
                with pytest.raises(OSError, match="closed"):
                    use()
            one.close()
            os.write(strangers[1], b"theirs")
            assert os.read(strangers[0], 100) == b"theirs"
        finally:
            for number in strangers:
                os.close(number)
