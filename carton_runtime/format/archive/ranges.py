"""Reading without I/O: a generator asks for byte ranges, and whoever drives it fetches them from wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from carton_runtime.errors import FormatError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Range:
    """`length` bytes from `start` on."""

    start: int
    length: int

    @property
    def stop(self) -> int:
        """The offset after the last byte."""
        return self.start + self.length


Reading = Generator[Range, bytes, T]
"""Yields each range that it needs, is sent exactly those bytes, and returns what it read."""


def drive(reading: Reading[T], fetch: Callable[[Range], bytes]) -> T:
    """Run a `Reading` with a function that fetches ranges; raises what either of them raises."""
    try:
        wanted = next(reading)
        while True:
            wanted = reading.send(fetch(wanted))
    except StopIteration as finished:
        value: T = finished.value
        return value


def ask(wanted: Range) -> Reading[bytes]:
    """Ask for a range and check that all of it came.

    Raises:
        FormatError: fewer or more bytes came than asked for: the file is shorter than it was said to be.
    """
    data = yield wanted
    if len(data) != wanted.length:
        raise FormatError(
            f"the archive is cut short: {len(data):,} of {wanted.length:,} bytes could be read at {wanted.start:,}"
        )
    return data
