"""Getting out of the way of a process that wants the same core."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from carton_runtime._child.carton_wire import cores
from carton_runtime._child.carton_wire.cores import Core

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no threads")

BUSY = "print(flush=True)\nwhile True: pass"


@pytest.fixture
def core() -> Iterator[int]:
    """The core that this thread runs on, and may leave when a test says so."""
    before = os.sched_getaffinity(0)
    present = cores._present()
    os.sched_setaffinity(0, {present})
    yield present
    os.sched_setaffinity(0, before)


@pytest.fixture
def somebody_else(core: int) -> Iterator[None]:
    """A process that wants this core, all the time."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        os.sched_setaffinity(process.pid, {core})
        assert process.stdout is not None
        process.stdout.read(1)
        yield
        process.kill()


def offered(core: Core, times: int) -> list[bool]:
    """Offer the core, and say each time that it took long."""
    moved = []
    for number in range(times):
        os.sched_yield()
        moved.append(core.is_left(now=1000.0 + number))
    return moved


def test_nobody_moves_who_is_alone_however_long_it_takes(core: int) -> None:
    known = Core()
    known.is_left(0.0)
    assert not any(offered(known, 2))


@pytest.mark.usefixtures("somebody_else")
def test_who_shares_a_core_moves_when_that_is_certain(core: int, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = []
    monkeypatch.setattr(cores, "_move", lambda: moves.append(cores._present()) is None)
    monkeypatch.setattr(cores, "perf_counter", lambda: 1000.0)
    assert any(offered(Core(), 20))
    assert set(moves) == {core}


@pytest.mark.usefixtures("somebody_else")
def test_a_second_move_comes_no_sooner_than_a_pause_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_move", lambda: True)
    monkeypatch.setattr(cores, "perf_counter", lambda: 5000.0)
    assert sum(offered(Core(), 20)) == 1


def test_a_move_leads_to_another_core_and_takes_away_none(core: int) -> None:
    allowed = set(range(os.cpu_count() or 1))
    os.sched_setaffinity(0, allowed)
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is one core")
    before = cores._present()
    assert cores._move()
    assert os.sched_getaffinity(0) == allowed
    assert cores._present() != before


def test_who_may_use_one_core_only_stays_there(core: int) -> None:
    assert not cores._move()
    assert os.sched_getaffinity(0) == {core}


def test_other_threads_stay_where_they_are(core: int) -> None:
    """A model's own threads may be pinned by whoever started them."""
    code = (
        "import os, sys, threading\n"
        f"sys.path.insert(0, {str(Path(cores.__file__).parents[1])!r})\n"
        "from carton_wire import cores\n"
        "done, pinned = threading.Event(), threading.Event()\n"
        "def other():\n"
        "    os.sched_setaffinity(0, {0}); pinned.set(); done.wait(); print(os.sched_getaffinity(0) == {0})\n"
        "thread = threading.Thread(target=other); thread.start(); pinned.wait()\n"
        "cores._move(); done.set(); thread.join()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"


@pytest.mark.parametrize("refused", ["sched_getaffinity", "sched_setaffinity"])
def test_where_it_is_not_allowed_everybody_stays(refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, refused, refuse)
    assert not cores._move()
