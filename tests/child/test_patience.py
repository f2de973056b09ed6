"""How long to look for a message before sleeping."""

from __future__ import annotations

import pytest

from carton_runtime._child.carton_wire.patience import Patience

LONGEST = 300e-6
SOON = 20e-6
LATE = 0.01


class Waits:
    """One side that waits, again and again, on a clock of its own."""

    def __init__(self) -> None:
        self.patience = Patience(LONGEST)
        self.now = 100.0

    def look(self) -> float:
        """How long it would look now."""
        return self.patience.deadline(self.now) - self.now

    def wait(self, seconds: float) -> None:
        """A message that came after so long."""
        start = self.now
        deadline = self.patience.deadline(start)
        self.now += seconds
        self.patience.over(start, deadline, self.now)

    def wait_in_vain(self) -> None:
        """A message that came right after the last look, as where both sides are on one core."""
        self.wait(self.look() + 1e-6)


@pytest.fixture
def waits() -> Waits:
    return Waits()


def test_who_knows_nothing_yet_looks(waits: Waits) -> None:
    assert 0 < waits.look() <= LONGEST


def test_who_always_found_soon_looks_for_little_more_than_that(waits: Waits) -> None:
    for _ in range(50):
        waits.wait(SOON)
    assert SOON < waits.look() < 5 * SOON


def test_nobody_looks_for_what_takes_long(waits: Waits) -> None:
    for _ in range(20):
        waits.wait(LATE)
    assert waits.look() == 0


def test_a_single_long_pause_does_not_stop_who_found_soon_before(waits: Waits) -> None:
    for _ in range(50):
        waits.wait(SOON)
    waits.wait(3600)
    assert waits.look() > SOON


def test_who_looked_in_vain_twice_sleeps_for_a_while_and_then_looks_again(waits: Waits) -> None:
    waits.wait_in_vain()
    assert waits.look() > 0
    waits.wait_in_vain()
    assert waits.look() == 0
    waits.now += 0.003
    assert waits.look() > 0


def test_each_further_look_in_vain_doubles_the_while_up_to_a_bound(waits: Waits) -> None:
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
    waits.wait_in_vain()
    waits.wait(SOON)
    waits.wait_in_vain()
    assert waits.look() > 0


def test_what_usually_takes_a_good_part_of_the_longest_is_found_again_after_a_look_in_vain(waits: Waits) -> None:
    for _ in range(50):
        waits.wait(200e-6)
    waits.wait_in_vain()
    assert waits.look() > 200e-6


def test_a_patience_of_nothing_never_looks() -> None:
    patience = Patience(0.0)
    assert patience.deadline(1.0) == 1.0
    patience.over(1.0, 1.0, 1.00001)
    assert patience.deadline(2.0) == 2.0
