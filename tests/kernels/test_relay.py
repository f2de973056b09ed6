"""What a model prints goes to the logger several lines at a time: in order, soon, and not without end."""

from __future__ import annotations

import contextvars
import logging
import re
from collections.abc import Iterator

import pytest
from kernels.conftest import Load, settled

from carton_runtime.runner_kernels import relay as module
from carton_runtime.runner_kernels.relay import Relay, logger

MEGABYTE = 1 << 20


class Listener(logging.Handler):
    """Keeps the records."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append((record.stream, record.text))  # type: ignore[attr-defined]

    @property
    def text(self) -> str:
        return "\n".join(text for _, text in self.records)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener, level, propagates = Listener(), logger.level, logger.propagate
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield listener
    logger.removeHandler(listener)
    logger.setLevel(level)
    logger.propagate = propagates


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which passes when a test says so."""
    now = [1000.0]

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr(module, "time", Clock)
    return now


@pytest.fixture
def relay(now: list[float], listener: Listener) -> Relay:
    return Relay("digits", lambda: None)


def numbered(count: int, width: int = 100) -> list[str]:
    return [f"{number:0{width}}" for number in range(count)]


def test_lines_that_come_together_go_together(relay: Relay, listener: Listener) -> None:
    relay.add("stdout", ["one", "two"])
    relay.add("stdout", ["three"])
    assert listener.records == []
    relay.flush()
    assert listener.records == [("stdout", "one\ntwo\nthree")]


def test_the_streams_keep_their_order(relay: Relay, listener: Listener) -> None:
    for stream, text in (("stdout", "1"), ("stdout", "2"), ("stderr", "3"), ("stdout", "4")):
        relay.add(stream, [text])
    relay.flush()
    assert listener.records == [("stdout", "1\n2"), ("stderr", "3"), ("stdout", "4")]


def test_lines_of_two_calls_go_apart(now: list[float], listener: Listener) -> None:
    contexts = [contextvars.copy_context(), contextvars.copy_context()]
    relay = Relay("digits", lambda: contexts[0])
    relay.add("stdout", ["of the first"])
    contexts.reverse()
    relay.add("stdout", ["of the second"])
    relay.flush()
    assert [text for _, text in listener.records] == ["of the first", "of the second"]


def test_a_line_after_a_pause_goes_at_once_and_the_next_waits(relay: Relay, now: list[float]) -> None:
    relay.add("stdout", ["one"])
    assert relay.pause() == 0
    relay.flush()
    relay.add("stdout", ["two"])
    assert 0.09 < relay.pause() < 0.11
    now[0] += 0.2
    assert relay.pause() == 0


def test_flushing_nothing_delays_nothing(relay: Relay, now: list[float], listener: Listener) -> None:
    relay.flush()
    relay.add("stdout", ["one"])
    assert relay.pause() == 0
    assert listener.records == []


def test_a_long_print_goes_out_whole(relay: Relay, listener: Listener) -> None:
    lines = numbered(9_000)
    relay.add("stdout", lines)
    relay.flush()
    assert listener.text.splitlines() == lines
    assert len(listener.records) < 20


def test_a_flood_is_thinned_out_and_its_last_lines_are_kept(relay: Relay, listener: Listener) -> None:
    lines = numbered(100_000)
    for start in range(0, len(lines), 500):
        relay.add("stdout", lines[start : start + 500])
    relay.flush()
    shown = listener.text.splitlines()
    assert len(listener.text) < 1.2 * MEGABYTE
    (note,) = [line for line in shown if "left out" in line]
    found = re.match(r"… ([\d,]+) lines left out; the model's log has the last ones …", note)
    assert found is not None
    assert int(found[1].replace(",", "")) == len(lines) - (len(shown) - 1)
    where = shown.index(note)
    assert shown[:where] == lines[:where]
    assert shown[where + 1 :] == lines[-len(shown) + where + 1 :]
    assert len(shown) - where > 100


def test_what_waits_is_bounded(relay: Relay) -> None:
    for _ in range(100):
        relay.add("stdout", numbered(1_000, 1_000))
    assert sum(len(line.text) for line in relay._waiting) < 1 << 17


def test_after_a_flood_there_is_room_again(relay: Relay, listener: Listener, now: list[float]) -> None:
    relay.add("stdout", numbered(100_000))
    relay.flush()
    now[0] += 10.0
    listener.records.clear()
    lines = numbered(9_000)
    relay.add("stdout", lines)
    relay.flush()
    assert listener.text.splitlines() == lines


def test_nothing_waits_when_nobody_listens(relay: Relay) -> None:
    logger.setLevel(logging.WARNING)
    relay.add("stdout", ["one"])
    assert not relay.is_waiting


FLOODS = """
import sys

class Model:
    def infer_with_tensors(self, tensors):
        for number in range(int(tensors["lines"])):
            print(number, "x" * 80)
        print("last words", file=sys.stderr)
        print("done")
        return {"out": 1}

def get_model():
    return Model()
"""


@pytest.mark.parametrize("lines", [10, 1_000, 100_000])
async def test_what_a_call_prints_is_shown_before_it_returns_in_few_records(
    load_code: Load, listener: Listener, lines: int
) -> None:
    model = await load_code(FLOODS)
    listener.records.clear()
    await model.infer(lines=lines)
    shown = listener.text.splitlines()
    assert {"done", "last words"} <= set(shown[-3:])
    assert len(listener.records) < 12 + lines / 300
    if lines <= 1_000:
        assert [line.split()[0] for line in shown if line.endswith("xx")] == [str(number) for number in range(lines)]
    assert [line.text for line in model.kernel.log][-1] in ("done", "last words")


async def test_a_line_is_shown_while_the_call_runs(load_code: Load, listener: Listener) -> None:
    model = await load_code(SLOW)
    stream = model.streaming_infer()
    assert int((await anext(stream))["out"]) == 1
    await settled(lambda: listener.text == "begun\nand on")
    await stream.aclose()


SLOW = """
class Model:
    def infer_with_tensors(self, tensors):
        print("begun", flush=True)
        print("and on", flush=True)
        yield {"out": 1}
        yield {"out": 2}

def get_model():
    return Model()
"""
