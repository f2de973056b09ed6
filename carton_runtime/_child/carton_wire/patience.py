"""When to look for a message, rather than sleep until it comes.

To look saves the wake-up, which costs 50 to 300 µs once a core has gone to sleep. It is of no use for what takes very
long, and little use long before the usual time: until shortly before that, one may as well rest. Who looks offers the
core to others at each look (``sched_yield``), since the other side may be waiting for this very one; where even so
looking is in vain time and again, as on a machine that is busy with something else, it is given up for a while.
"""

from __future__ import annotations

_WEIGHT = 0.2  # of the last wait in what is usual
_EARLY = 300e-6  # seconds before the usual end: what a short rest may take too long, and somewhat more
_FORGIVEN = 8  # looks in vain, in a row, before it is given up
_SHORTEST_PAUSE = 2e-3
_MOST_DOUBLINGS = 6


class Patience:
    """What is known of one side's waits.

    Args:
        longest_look: seconds to look at most.
        longest_wait: seconds that a wait may usually take, for a look at its end to be of use.
    """

    def __init__(self, longest_look: float, longest_wait: float = 0.0) -> None:
        self._longest_look = longest_look
        self._longest_wait = max(longest_look, longest_wait)
        self._usual = longest_look / 4
        self._in_vain = 0
        self._not_before = 0.0
        self._last: tuple[float, float, float] | None = None

    def when(self, start: float) -> tuple[float, float]:
        """From when until when to look, in a wait that begins at `start`; twice the same if it is better to sleep."""
        if self._last is not None:
            last, self._last = self._last, None
            self._learn(*last)
        if self._usual > self._longest_wait or start < self._not_before:
            return start, start
        begin = start + self._usual - _EARLY if self._usual > _EARLY else start
        return begin, begin + self._longest_look

    def over(self, start: float, end: float, now: float) -> None:
        """A wait is over. What it teaches is worked out at the beginning of the next one, when there is time.

        Args:
            start: when it began.
            end: until when it was looked; `start` if it was not.
            now: when it ended.
        """
        self._last = (start, end, now)

    def _learn(self, start: float, end: float, now: float) -> None:
        # A single long pause must not hide that the waits before it were short.
        self._usual += _WEIGHT * (min(now - start, 2 * self._longest_wait) - self._usual)
        if now <= end:
            self._in_vain = 0
        elif end > start:
            self._in_vain += 1
            doublings = self._in_vain - _FORGIVEN
            if doublings >= 0:
                self._not_before = now + _SHORTEST_PAUSE * 2 ** min(doublings, _MOST_DOUBLINGS)
