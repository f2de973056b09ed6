from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable

import pytest

from carton_jupyter.progress import ProgressBar
from carton_runtime import Event, Phase
from carton_runtime.background import background_loop

_PATIENCE = 10.0


def event(
    done: int = 0, phase: Phase = Phase.PROGRESS, *, step: str = "model.fetch", total: int | None = 1000
) -> Event:
    return Event(step, phase, f"file {done}", done, total)


class FakeBar:
    """Remembers what was drawn."""

    unit = "it"
    bar_format: str | None = None

    def __init__(self) -> None:
        self.n = 0.0
        self.total: float | None = None
        self.drawn: list[tuple[float, str]] = []
        self.threads: set[str] = set()
        self.closed = threading.Event()
        self._description = ""
        self._changed = threading.Condition()

    def reset(self, total: float | None = None) -> None:
        self.n, self.total = 0.0, total

    def set_description_str(self, desc: str | None = None, refresh: bool | None = True) -> None:
        self._description = desc or ""

    def refresh(self) -> None:
        with self._changed:
            self.threads.add(threading.current_thread().name)
            self.drawn.append((self.n, self._description))
            self._changed.notify_all()

    def close(self) -> None:
        self.closed.set()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, _PATIENCE)


@pytest.fixture
def bar() -> FakeBar:
    return FakeBar()


def test_the_last_of_a_thousand_events_is_drawn_and_most_are_not(bar: FakeBar) -> None:
    with ProgressBar(lambda: bar, delay=0, interval=0.05) as progress:
        for done in range(1001):
            progress(event(done))
        bar.wait_for(lambda: bool(bar.drawn) and bar.drawn[-1] == (1000, "file 1000"))
    assert len(bar.drawn) < 100


def test_events_of_many_threads_are_drawn_by_one(bar: FakeBar) -> None:
    with ProgressBar(lambda: bar, delay=0, interval=0) as progress:
        threads = [threading.Thread(target=progress, args=(event(number),)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        progress(event(1000))
        bar.wait_for(lambda: bar.drawn[-1:] == [(1000, "file 1000")])
    assert bar.threads == {"carton-runtime"}


def test_what_is_over_soon_has_no_bar(bar: FakeBar) -> None:
    made: list[FakeBar] = []
    with ProgressBar(lambda: made.append(bar) or bar, delay=60) as progress:  # type: ignore[func-returns-value]
        progress(event(0, Phase.STARTED))
        progress(event(1000, Phase.FINISHED))
    assert made == []


def test_the_innermost_step_is_shown_and_then_the_one_around_it(bar: FakeBar) -> None:
    with ProgressBar(lambda: bar, delay=0, interval=0) as progress:
        progress(event(1, Phase.STARTED, step="outer"))
        bar.wait_for(lambda: bar.drawn[-1:] == [(1, "file 1")])
        progress(event(2, Phase.STARTED, step="inner"))
        bar.wait_for(lambda: bar.drawn[-1:] == [(2, "file 2")])
        progress(event(3, Phase.FINISHED, step="inner"))
        bar.wait_for(lambda: bar.drawn[-1:] == [(1, "file 1")])


def test_the_end_of_all_steps_takes_the_bar_away(bar: FakeBar) -> None:
    progress = ProgressBar(lambda: bar, delay=0, interval=0)
    progress(event(1))
    bar.wait_for(lambda: bool(bar.drawn))
    progress(event(1, Phase.FAILED))
    assert bar.closed.wait(_PATIENCE)


def test_the_end_of_the_block_takes_the_bar_away_whatever_still_runs(bar: FakeBar) -> None:
    with ProgressBar(lambda: bar, delay=0) as progress:
        progress(event(1))
        bar.wait_for(lambda: bool(bar.drawn))
    assert bar.closed.is_set()


def test_more_than_the_total_is_the_total(bar: FakeBar) -> None:
    with ProgressBar(lambda: bar, delay=0) as progress:
        progress(event(2000))
        bar.wait_for(lambda: bool(bar.drawn))
    assert bar.drawn[-1][0] == 1000


class Terminal(io.StringIO):
    """A terminal, or a file, that tells when it was written to."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal
        self.written = threading.Event()

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        count = super().write(text)
        if "file 500" in text:
            self.written.set()
        return count


def test_a_terminal_shows_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(terminal=True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with ProgressBar(delay=0) as progress:
        progress(event(500))
        assert terminal.written.wait(_PATIENCE)
    shown = terminal.getvalue()
    assert "50%|" in shown
    assert "0.00it" not in shown
    assert shown.endswith("\r"), "the line is taken away at the end"


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Terminal(terminal=False)
    monkeypatch.setattr(sys, "stderr", file)
    with ProgressBar(delay=0, interval=0) as progress:
        progress(event(500))
        drawn = threading.Event()
        background_loop().call_soon_threadsafe(lambda: background_loop().call_later(0.01, drawn.set))
        assert drawn.wait(_PATIENCE)
    assert file.getvalue() == ""


def test_the_time_that_is_left_is_told_by_the_pace_of_what_was_new(bar: FakeBar) -> None:
    with ProgressBar(lambda: bar, delay=0, interval=0) as progress:
        progress(Event("model.fetch", Phase.PROGRESS, "file", 600, 1000, "B", 10.0, skipped=500))
        bar.wait_for(lambda: bool(bar.drawn))
        assert str(bar.bar_format).endswith("{total_fmt}B 10.0B/s, 00:40 left")


def test_nothing_is_said_of_the_pace_while_nothing_has_come(bar: FakeBar) -> None:
    with ProgressBar(lambda: bar, delay=0, interval=0) as progress:
        progress(Event("model.fetch", Phase.PROGRESS, "file", 500, 1000, "B", 10.0, skipped=500))
        bar.wait_for(lambda: bool(bar.drawn))
        assert str(bar.bar_format).endswith("{total_fmt}B")
