"""`Uninterrupted`: SIGINT waits, and is never lost to the handler of another signal."""

from __future__ import annotations

import signal
from typing import NoReturn

import pytest

from carton_runtime.runner_kernels import interrupts
from carton_runtime.runner_kernels.interrupts import Uninterrupted

pytestmark = pytest.mark.usefixtures("ctrl_c")


def present() -> object:
    return signal.getsignal(signal.SIGINT)


def cut_off() -> NoReturn:
    """As when an alarm's handler raises at the very beginning of a ``with``, or at its very end."""
    Uninterrupted().__enter__()
    raise ZeroDivisionError


def interrupted_inside(steps: list[str]) -> None:
    with Uninterrupted():
        signal.raise_signal(signal.SIGINT)
        steps.append("went on")


def interrupted_further_inside(steps: list[str]) -> None:
    with Uninterrupted():
        interrupted_inside(steps)
        steps.append("outside too")


def test_an_interrupt_waits_until_the_end() -> None:
    before, steps = present(), []
    with pytest.raises(KeyboardInterrupt):
        interrupted_inside(steps)
    assert steps == ["went on"]
    assert present() is before


def test_it_may_be_nested() -> None:
    before, steps = present(), []
    with pytest.raises(KeyboardInterrupt):
        interrupted_further_inside(steps)
    assert steps == ["went on", "outside too"]
    assert present() is before


def test_an_interrupt_is_heard_after_another_handler_has_cut_it_off() -> None:
    before = present()
    with pytest.raises(ZeroDivisionError):
        cut_off()
    assert present() is not before, "this is what there is to recover from"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert present() is before


def test_the_next_one_puts_back_what_was_there_before_one_that_was_cut_off() -> None:
    before = present()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            cut_off()
    with Uninterrupted():
        pass
    assert present() is before


def test_a_handler_that_is_not_pythons_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = present()
    monkeypatch.setattr(interrupts._signal, "getsignal", lambda _: None)  # what there is where C code has the signal
    with Uninterrupted():
        monkeypatch.undo()
        assert present() is before
    assert present() is before
