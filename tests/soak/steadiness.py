"""What must stay as it is however often something is done: what is open, what runs, and how much memory is in use."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from carton_runtime.runner_kernels.proc import resident_bytes
from carton_runtime.testing.leaks import LeakDetector

GROWTH = 10_000_000  # bytes that this process may grow by, in any number of rounds
WITHIN = 10.0  # seconds after which everything has to be back

Record = Callable[[str, object], None]


def counts(few: int, many: int) -> pytest.MarkDecorator:
    """Parametrize `count`: `few` in every run, and `many` in a long one, which may take as long as it likes."""
    long = pytest.param(many, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])
    return pytest.mark.parametrize("count", [few, long])


def in_use() -> int:
    """Bytes of memory that this process has in use, apart from garbage and what the C library keeps for later."""
    gc.collect()
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
    return resident_bytes(os.getpid()) or 0


@contextmanager
def steady(record: Record) -> Iterator[None]:
    """Fails when the body, which comes after a warm-up, leaves something behind; says how much memory grew."""
    detector, before = LeakDetector(), in_use()
    yield
    left = detector.found(WITHIN)
    assert not left, "\n".join(left)
    growth = in_use() - before
    record("growth in MB", growth / 1e6)
    assert growth < GROWTH, f"{growth / 1e6:.1f} MB more are in use"
