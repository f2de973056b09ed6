"""An interrupt between any two steps of reading loses nothing and garbles nothing.

`KeyboardInterrupt` is raised before each line and, in a second run, before each bytecode of the wire's files in turn,
while frames come through a real pipe.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from child.tools import frame_bytes, piped, plain

from carton_runtime._child.carton_wire import connection, frames
from carton_runtime._child.carton_wire.frames import FrameDecoder
from carton_runtime._child.carton_wire.pipes import Pipes

LARGE = bytes(range(256)) * 600  # takes memory of its own
BODIES = [b"one", b"", LARGE, b"four", LARGE, b"six"]
SENT = [(6, number, 1, b"{}", body) for number, body in enumerate(BODIES)]
CHUNKS = [7, 60, 3000, 200_000, 35, 99_000, 1]
TRACED = {frames.__file__, connection.__file__}


class Interrupter:
    """Raises before the n-th step of the traced files, and knows whether it did."""

    def __init__(self, step: int, event: str) -> None:
        self._left = step
        self._event = event
        self.has_struck = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> Interrupter | None:
        if frame.f_code.co_filename not in TRACED or frame.f_code is interrupted.__wrapped__.__code__:
            return None
        frame.f_trace_opcodes = self._event == "opcode"
        if event in (self._event, "call", "return") and not self.has_struck:
            self._left -= 1
            if self._left < 0:
                self.has_struck = True
                raise KeyboardInterrupt
        return self


@contextmanager
def interrupted(step: int, event: str) -> Iterator[Interrupter]:
    interrupter = Interrupter(step, event)
    before = sys.gettrace()
    sys.settrace(interrupter)
    try:
        yield interrupter
    finally:
        sys.settrace(before)


def chunks() -> list[bytes]:
    data = b"".join(frame_bytes(kind, sequence, call, header, [body]) for kind, sequence, call, header, body in SENT)
    cut, start = [], 0
    for size in CHUNKS:
        cut.append(data[start : start + size])
        start += size
    return [*cut, data[start:]]


def read_all(decoder: FrameDecoder, sender: Pipes, receiver: Pipes, step: int, event: str):
    """Read everything as a caller does who goes on after an interrupt; what was taken, and whether one struck."""
    found: dict[int, tuple] = {}
    waiting = chunks()
    with interrupted(step, event) as interrupter:
        while True:
            try:
                if decoder.receive_from(receiver) == 0:
                    break
                take(decoder, found)
            except KeyboardInterrupt:
                continue
            except BlockingIOError:
                if waiting:
                    sender.write(waiting.pop(0))
                else:
                    sender.close()
    return found, interrupter.has_struck


def take(decoder: FrameDecoder, found: dict[int, tuple]) -> None:
    for frame in decoder.frames():
        before = found.setdefault(frame[1], plain(frame))
        assert before == plain(frame), "a frame that is offered twice is the same"


def every_step(read: Callable[[int], bool]) -> int:
    """Call `read` with 0, 1, 2 … until no interrupt struck any more; how many did."""
    step = 0
    while read(step):
        step += 1
    return step


@pytest.mark.parametrize("event", ["line", "opcode"])
def test_an_interrupt_anywhere_in_the_decoder_loses_and_garbles_no_frame(event: str) -> None:
    def read(step: int) -> bool:
        with piped() as (sender, receiver):
            found, struck = read_all(FrameDecoder(), sender, receiver, step, event)
        assert [found[sequence] for sequence in sorted(found)] == SENT, f"after an interrupt at step {step}"
        return struck

    assert every_step(read) > 100


def test_an_interrupt_of_who_takes_the_frames_loses_none() -> None:
    """In the body of the loop over `frames`, where the decoder is not on the stack."""
    for interrupted_at in range(3):
        decoder, taken = FrameDecoder(), []
        with piped() as (sender, receiver):
            sender.write(b"".join(frame_bytes(sequence=number) for number in range(3)))
            decoder.receive_from(receiver)
        with pytest.raises(KeyboardInterrupt):
            take_until(decoder, taken, interrupted_at)
        assert decoder.pending
        taken.extend(frame[1] for frame in decoder.frames())
        assert taken == [0, 1, 2]
        assert not decoder.pending


def take_until(decoder: FrameDecoder, taken: list[int], interrupted_at: int) -> None:
    for frame in decoder.frames():
        if frame[1] == interrupted_at:
            raise KeyboardInterrupt
        taken.append(frame[1])


class Careless(FrameDecoder):
    """Receives and records in two steps: what these tests are there to find."""

    def receive_from(self, source: Pipes) -> int:
        _, start, chunks, large = self._state
        if large is not None:
            return large.receive_from(source)
        if start or chunks:
            return self.pending
        chunk = source.read(1 << 14)
        chunks.append(chunk)
        return len(chunk)


def test_a_decoder_that_records_in_a_second_step_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "TRACED", {*TRACED, __file__})
    outcomes = []
    for step in range(400):
        with piped() as (sender, receiver):
            try:
                found, _ = read_all(Careless(), sender, receiver, step, "line")
            except frames.WireError:
                outcomes.append("garbled")
            else:
                outcomes.append("whole" if [found[key] for key in sorted(found)] == SENT else "lost")
    assert {"garbled", "lost"} & set(outcomes)
