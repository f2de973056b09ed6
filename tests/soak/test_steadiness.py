"""What looks for growth finds it: without this, the tests beside it could not fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from soak.steadiness import GROWTH, steady

from carton_runtime.testing import leaks


def ignore(name: str, value: object) -> None:
    """Nobody wants to know."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is left in these tests stays for sure."""
    monkeypatch.setattr("soak.steadiness.WITHIN", 0.0)
    assert leaks.LeakDetector().found(0.0) == []
    return


def test_memory_that_is_kept_is_found() -> None:
    with pytest.raises(AssertionError, match="MB more are in use"), steady(ignore):
        kept = bytearray(b"x") * (2 * GROWTH)
    assert kept


def test_memory_that_is_given_back_is_no_growth() -> None:
    with steady(ignore):
        kept = bytearray(b"x") * (2 * GROWTH)
        del kept


def test_what_is_left_open_is_found(impatient: None) -> None:
    with pytest.raises(AssertionError, match=__file__), steady(ignore):
        file = Path(__file__).open()  # noqa: SIM115  left open on purpose
    file.close()
