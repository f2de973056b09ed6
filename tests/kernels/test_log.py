"""What a model prints becomes lines."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_runtime.runner_kernels.log import KernelLog, LogLine, _Pipe
from carton_runtime.runner_kernels.relay import logger

KEPT = 1000
PATIENCE = 20.0
LONGEST = 1 << 16


class Printer:
    """The writing end of a pipe that a log follows."""

    def __init__(self, log: KernelLog, stream: str, stack: ExitStack) -> None:
        reading, writing = os.pipe()
        self._output = stack.enter_context(os.fdopen(writing, "wb", buffering=0))
        log.follow(stream, stack.enter_context(os.fdopen(reading, "rb", buffering=0)))

    def write(self, data: bytes) -> None:
        self._output.write(data)

    def close(self) -> None:
        self._output.close()


Open = Callable[..., Printer]


@pytest.fixture
def log(nothing_left: object) -> KernelLog:
    return KernelLog("digits")


@pytest.fixture
def printer(log: KernelLog) -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda stream="stdout": Printer(log, stream, stack)


async def texts(log: KernelLog) -> list[str]:
    """All lines, once every pipe has ended."""
    await log.drained.wait()
    return [line.text for line in log.lines]


async def test_lines_come_in_order(log: KernelLog, printer: Open) -> None:
    output = printer()
    output.write(b"one\ntwo\n")
    output.write(b"three\n")
    output.close()
    assert await texts(log) == ["one", "two", "three"]


async def test_each_line_knows_its_stream(log: KernelLog, printer: Open) -> None:
    for stream in ("stdout", "stderr"):
        output = printer(stream)
        output.write(stream.encode() + b" says\n")
        output.close()
    await log.drained.wait()
    assert set(log.lines) == {LogLine("stdout", "stdout says"), LogLine("stderr", "stderr says")}


async def test_a_last_line_without_an_end_is_a_line(log: KernelLog, printer: Open) -> None:
    output = printer()
    output.write(b"one\nlast words")
    output.close()
    assert await texts(log) == ["one", "last words"]


async def test_lines_are_there_when_they_are_complete(log: KernelLog, printer: Open) -> None:
    output = printer()
    output.write(b"one\ntw")
    log.drain()
    assert [line.text for line in log.lines] == ["one"]
    output.write(b"o\n")
    log.drain()
    assert [line.text for line in log.lines] == ["one", "two"]
    log.close()


async def test_draining_what_says_nothing_waits_for_nothing(log: KernelLog, printer: Open) -> None:
    printer()
    log.drain()
    assert log.lines == ()
    log.close()


async def test_draining_waits_for_a_reader_that_is_still_handing_over(
    log: KernelLog, printer: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """Or what the model printed would come after its result."""
    output = printer()
    reading, may_go_on, drained = threading.Event(), threading.Event(), threading.Event()

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reading.set()
            may_go_on.wait(PATIENCE)

    def drain() -> None:
        log.drain()
        drained.set()

    slow = Slow()
    logger.addHandler(slow)
    threads = [threading.Thread(target=log.drain), threading.Thread(target=drain)]
    try:
        with caplog.at_level(logging.INFO, logger=logger.name):
            output.write(b"one\n")
            threads[0].start()
            reading.wait(PATIENCE)
            threads[1].start()
            assert not drained.wait(0.2)
            may_go_on.set()
            assert drained.wait(PATIENCE)
    finally:
        may_go_on.set()
        for thread in threads:
            thread.join(PATIENCE)
        logger.removeHandler(slow)
    log.close()


async def test_two_readers_keep_the_order(log: KernelLog, printer: Open) -> None:
    output = printer()
    stop = threading.Event()

    def drain() -> None:
        while not stop.is_set():
            log.drain()

    others = [threading.Thread(target=drain) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for number in range(500):
            await asyncio.to_thread(output.write, f"{number}\n".encode())
    finally:
        stop.set()
        for other in others:
            other.join()
    output.close()
    assert await texts(log) == [str(number) for number in range(500)]


async def test_only_the_last_lines_are_kept(log: KernelLog, printer: Open) -> None:
    output = printer()
    await asyncio.to_thread(output.write, b"".join(b"%d\n" % number for number in range(KEPT + 500)))
    output.close()
    assert await texts(log) == [str(number) for number in range(500, KEPT + 500)]


async def test_a_flood_without_an_end_of_line_is_cut(log: KernelLog, printer: Open) -> None:
    output = printer()
    await asyncio.to_thread(output.write, b"x" * (5 * LONGEST))
    output.close()
    lines = await texts(log)
    assert sum(map(len, lines)) == 5 * LONGEST
    assert max(map(len, lines)) <= 2 * LONGEST


async def test_a_flood_does_not_hold_up_the_loop(log: KernelLog, printer: Open) -> None:
    output = printer()
    writing = asyncio.create_task(asyncio.to_thread(output.write, b"x\n" * (1 << 20)))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0)
        turns += 1
    output.close()
    await log.drained.wait()
    assert turns > 10


async def test_closing_takes_in_what_was_written_before(log: KernelLog, printer: Open) -> None:
    output = printer()
    output.write(b"one\ntwo\n")
    log.close()
    assert [line.text for line in log.lines] == ["one", "two"]
    assert log.drained.is_set()


async def test_closing_takes_in_last_words_without_an_end(log: KernelLog, printer: Open) -> None:
    """Such as those of a process that died while one that it started holds its pipe open."""
    output = printer()
    output.write(b"one\nlast words")
    log.close()
    assert [line.text for line in log.lines] == ["one", "last words"]


async def test_closing_twice_does_nothing(log: KernelLog, printer: Open) -> None:
    printer()
    log.close()
    log.close()


async def test_a_log_of_several_pipes_is_drained_with_the_last(log: KernelLog, printer: Open) -> None:
    first, second = printer("stdout"), printer("stderr")
    first.close()
    log.drain()
    await asyncio.sleep(0)
    assert not log.drained.is_set()
    second.close()
    await log.drained.wait()


# Bytes to lines


def fed(*pieces: bytes) -> list[str]:
    pipe = _Pipe("stdout")
    return [line for piece in (*pieces, b"") for line in pipe.feed(piece)]


@given(st.text(st.characters(exclude_characters="\r"), max_size=200), st.lists(st.integers(1, 20), max_size=30))
def test_any_text_however_it_is_cut_gives_the_same_lines(text: str, sizes: list[int]) -> None:
    data = text.encode(errors="replace")
    pieces, start = [], 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    expected = data.decode().split("\n")
    assert fed(*(piece for piece in pieces if piece), *([data[start:]] if data[start:] else [])) == (
        expected if expected[-1] else expected[:-1]
    )


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"10%\r20%\r\n", ["10%\r20%"]),
        (b"\xff\xfe\n", ["��"]),
        ("é".encode()[:1], ["�"]),
        (b"\x00\n", ["\x00"]),
    ],
)
def test_what_is_no_text_or_ends_elsewise_is_a_line_too(data: bytes, lines: list[str]) -> None:
    assert fed(data) == lines


# The logger


async def test_each_line_goes_to_the_logger_with_its_model(
    log: KernelLog, printer: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "carton_runtime.model"):
        output = printer("stderr")
        output.write(b"careful: 100%\n")
        output.close()
        await log.drained.wait()
    (record,) = caplog.records
    assert record.getMessage() == "digits: careful: 100%"
    assert (record.model, record.stream, record.text) == ("digits", "stderr", "careful: 100%")


async def test_nothing_is_logged_when_nobody_listens(
    log: KernelLog, printer: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "carton_runtime.model"):
        output = printer()
        output.write(b"one\n")
        output.close()
        assert await texts(log) == ["one"]
    assert caplog.records == []


@contextmanager
def told(tell: Callable[[], object]) -> Iterator[None]:
    """Somebody who does something whenever the model prints."""

    class Handler(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            tell()
            return True

    handler, level = Handler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


async def test_whoever_is_told_may_call_the_model(log: KernelLog, printer: Open) -> None:
    output, done = printer(), threading.Event()

    def drain() -> None:
        log.drain()  # as each call does at its end
        done.set()

    with told(log.drain):
        output.write(b"one\n")
        threading.Thread(target=drain, daemon=True).start()
        assert done.wait(PATIENCE)
    output.close()
    assert await texts(log) == ["one"]


async def test_whoever_fails_when_she_is_told_fails_alone(
    log: KernelLog, printer: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("no room on this screen")

    output = printer()
    with told(fail):
        output.write(b"one\n")
        log.drain()
        output.write(b"two\n")
        output.close()
        assert await texts(log) == ["one", "two"]
    assert "no room on this screen" in capsys.readouterr().err


async def test_a_line_is_logged_in_the_context_of_the_call_that_runs(nothing_left: object) -> None:
    caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")
    seen: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(f"{caller.get()}: {record.text}")  # type: ignore[attr-defined]

    calling = contextvars.copy_context()
    calling.run(caller.set, "a cell")
    logger, handler = logging.getLogger("carton_runtime.model"), Handler()
    log = KernelLog("digits", context=lambda: calling)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with ExitStack() as stack:
            output = Printer(log, "stdout", stack)
            output.write(b"one\n")
            output.close()
            await log.drained.wait()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    assert seen == ["a cell: one"]
