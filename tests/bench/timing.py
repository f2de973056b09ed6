"""Measuring in turns, and what to say about what was measured."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

Batch = Callable[[int], Awaitable[list[float]]]
"""Makes so many calls and gives the seconds that each took."""


@dataclass(frozen=True)
class Series:
    """The seconds of many calls, made in several rounds."""

    rounds: list[list[float]] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """The median over the rounds of each round's median: what one bad moment cannot move."""
        return statistics.median(statistics.median(round_) for round_ in self.rounds)

    def quantile(self, share: float) -> float:
        """The value that `share` of all calls stay within."""
        return quantile([seconds for round_ in self.rounds for seconds in round_], share)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


async def in_turns(batches: Mapping[str, Batch], *, rounds: int, calls: int) -> dict[str, Series]:
    """Measure each of `batches` for some calls, then each again, round after round; the first round only warms up."""
    series = {name: Series() for name in batches}
    for number in range(rounds + 1):
        for name, batch in batches.items():
            seconds = await batch(calls)
            if number:
                series[name].rounds.append(seconds)
    return series


def each(function: Callable[[], object]) -> Batch:
    """A batch of blocking calls."""

    async def batch(calls: int) -> list[float]:
        clock = time.perf_counter
        seconds = []
        for _ in range(calls):
            start = clock()
            function()
            seconds.append(clock() - start)
        return seconds

    return batch


def each_awaited(function: Callable[[], Awaitable[object]]) -> Batch:
    """A batch of awaited calls, one after the other."""

    async def batch(calls: int) -> list[float]:
        clock = time.perf_counter
        seconds = []
        for _ in range(calls):
            start = clock()
            await function()
            seconds.append(clock() - start)
        return seconds

    return batch
