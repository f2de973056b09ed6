"""How long to look for a message before going to sleep until it comes.

To look saves the wake-up, which costs 50 to 300 µs once a core has gone to sleep. It is of no use for what takes longer
than that; and it does harm where the other side waits for the very core that we look on, as happens on a busy machine.
Neither can be known beforehand, and both show: looking is given up, for a while, when it was in vain.
"""

from __future__ import annotations

_WEIGHT = 0.2  # of the last wait in what is usual
_FORGIVEN = 2  # looks in vain, in a row, before it is given up
_SHORTEST_PAUSE = 2e-3
_MOST_DOUBLINGS = 6


class Patience:
    """What is known of one side's waits.

    Args:
        longest: seconds to look at most.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._usual = longest / 4
        self._in_vain = 0
        self._not_before = 0.0
        self._last: tuple[float, float, float] | None = None

    def deadline(self, start: float) -> float:
        """Until when to look, in a wait that begins at `start`; `start` itself if it is better to sleep at once."""
        if self._last is not None:
            last, self._last = self._last, None
            self._learn(*last)
        if self._usual > self._longest or start < self._not_before:
            return start
        return start + min(self._usual * (1.25 if self._in_vain else 3), self._longest)

    def over(self, start: float, deadline: float, now: float) -> None:
        """A wait is over. What it teaches is worked out at the beginning of the next one, when there is time.

        Args:
            start: when it began.
            deadline: until when it was looked.
            now: when it ended.
        """
        self._last = (start, deadline, now)

    def _learn(self, start: float, deadline: float, now: float) -> None:
        # A single long pause must not hide that the waits before it were short.
        self._usual += _WEIGHT * (min(now - start, 2 * self._longest) - self._usual)
        if now <= deadline:
            self._in_vain = 0
        elif deadline > start:
            self._in_vain += 1
            doublings = self._in_vain - _FORGIVEN
            if doublings >= 0:
                self._not_before = now + _SHORTEST_PAUSE * 2 ** min(doublings, _MOST_DOUBLINGS)
