"""When to look for a message, and when to sleep instead."""

from __future__ import annotations

import pytest

from carton_runtime._child.carton_wire.patience import Patience

LONGEST = 400e-6
LONGEST_WAIT = 2e-3
EARLY = 300e-6
SOON = 20e-6
LATE = 0.01
FORGIVEN = 8


class Waits:
    """One side that waits, again and again, on a clock of its own."""

    def __init__(self) -> None:
        self.patience = Patience(LONGEST, LONGEST_WAIT)
        self.now = 100.0

    def rest(self) -> float:
        """How long it would rest now before it looked."""
        return self.patience.when(self.now)[0] - self.now

    def look(self) -> float:
        """How long it would look now."""
        begin, end = self.patience.when(self.now)
        return end - begin

    def wait(self, seconds: float) -> None:
        """A message that came after so long."""
        start = self.now
        _, end = self.patience.when(start)
        self.now += seconds
        self.patience.over(start, end, self.now)

    def wait_in_vain(self) -> None:
        """A message that came right after the last look."""
        self.wait(self.rest() + self.look() + 1e-6)


@pytest.fixture
def waits() -> Waits:
    return Waits()


def test_who_knows_nothing_yet_looks_at_once(waits: Waits) -> None:
    assert waits.rest() == 0
    assert waits.look() == pytest.approx(LONGEST)


@pytest.mark.parametrize("usual", [SOON, EARLY - 1e-6])
def test_who_always_found_soon_looks_at_once(waits: Waits, usual: float) -> None:
    for _ in range(100):
        waits.wait(usual)
    assert waits.rest() == 0
    assert waits.look() == pytest.approx(LONGEST)


def test_who_always_found_later_rests_until_shortly_before_that(waits: Waits) -> None:
    for _ in range(100):
        waits.wait(1e-3)
    assert waits.rest() == pytest.approx(1e-3 - EARLY, rel=0.01)
    assert waits.look() == pytest.approx(LONGEST)


def test_nobody_looks_for_what_takes_long(waits: Waits) -> None:
    for _ in range(20):
        waits.wait(LATE)
    assert waits.rest() == waits.look() == 0


def test_a_single_long_pause_does_not_stop_who_found_soon_before(waits: Waits) -> None:
    for _ in range(50):
        waits.wait(SOON)
    waits.wait(3600)
    assert waits.look() > 0


def test_who_looked_in_vain_many_times_in_a_row_sleeps_for_a_while_and_then_looks_again(waits: Waits) -> None:
    for _ in range(FORGIVEN):
        assert waits.look() > 0
        waits.wait_in_vain()
    assert waits.look() == 0
    waits.now += 0.003
    assert waits.look() > 0


def test_each_further_look_in_vain_doubles_the_while_up_to_a_bound(waits: Waits) -> None:
    for _ in range(FORGIVEN - 1):
        waits.wait_in_vain()
    pauses = []
    for _ in range(12):
        waits.wait_in_vain()
        start = waits.now
        while not waits.look():
            waits.now += 0.0005
        pauses.append(waits.now - start)
    assert sorted(pauses) == pytest.approx(pauses, abs=0.001)
    assert 0.1 < pauses[-1] < 0.2


def test_a_find_wipes_out_what_was_in_vain(waits: Waits) -> None:
    for _ in range(3 * FORGIVEN):
        waits.wait_in_vain()
        waits.wait(SOON)
    assert waits.look() > 0


def test_one_side_looks_for_no_longer_than_it_would_wait_if_nothing_else_is_said() -> None:
    patience = Patience(LONGEST)
    for number in range(50):
        patience.over(number, number, number + 2 * LONGEST)
        begin, end = patience.when(number + 1.0)
    assert begin == end


def test_a_patience_of_nothing_never_looks() -> None:
    patience = Patience(0.0)
    assert patience.when(1.0) == (1.0, 1.0)
    patience.over(1.0, 1.0, 1.00001)
    assert patience.when(2.0) == (2.0, 2.0)
