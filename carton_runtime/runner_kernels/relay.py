"""Hands what a model prints to the logger ``carton_runtime.model``, several lines at a time.

Records have level INFO and the attributes ``model``, ``stream`` and ``text``: one line, or several with ends of lines
between them. They are made in the context of the call that ran when the lines came, so that a handler may send them to
where that call was made, a notebook's cell for one.

After a pause a line goes out at once, those that follow soon after go together. A flood is thinned out, as nobody reads
it and a notebook's front end would drown: its first megabyte goes out whole, and then what came last in each tenth of a
second, with a note of how much is missing.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from itertools import groupby
from typing import NamedTuple

_WINDOW = 0.1  # seconds between two records, unless somebody waits for the second
_MOST = 1 << 16  # characters that wait
_BURST = 1 << 20  # characters that may go out at once, beyond what the windows allow
_REFILL = 1 << 18  # of those, so many each second

logger = logging.getLogger("carton_runtime.model")


class _Line(NamedTuple):
    stream: str
    context: Context | None
    text: str


class Relay:
    """Lines on their way to the logger. For one thread at a time.

    Args:
        name: the model's name.
        context: gives the context of the call that runs, if one does.
    """

    def __init__(self, name: str, context: Callable[[], Context | None]) -> None:
        self._name = name
        self._context = context
        self._waiting: deque[_Line] = deque()
        self._size = 0
        self._left_out = 0
        self._last = self._filled = time.monotonic() - _WINDOW
        self._allowance = float(_BURST)

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to `flush`."""
        return bool(self._waiting)

    def pause(self) -> float:
        """Seconds after which it is time to `flush`."""
        return max(0.0, self._last + _WINDOW - time.monotonic())

    def add(self, stream: str, texts: list[str]) -> None:
        """Take in lines."""
        if not texts or not logger.isEnabledFor(logging.INFO):
            return
        context = self._context()
        for text in texts:
            self._waiting.append(_Line(stream, context, text))
            self._size += len(text) + 1
            if self._size > _MOST:
                self._make_room()

    def flush(self) -> None:
        """Hand over what waits."""
        if not self._waiting:
            return
        lines = list(self._waiting)
        self._forget()
        if self._left_out:
            note = f"… {self._left_out:,} lines left out; the model's log has the last ones …"
            lines.insert(0, lines[0]._replace(text=note))
            self._left_out = 0
        for (stream, _), group in groupby(lines, lambda line: (line.stream, id(line.context))):
            together = list(group)
            self._hand_over(stream, together[0].context, "\n".join(line.text for line in together))

    def _make_room(self) -> None:
        now = time.monotonic()
        self._allowance = min(_BURST, self._allowance + (now - self._filled) * _REFILL)
        self._filled = now
        if self._allowance >= self._size:
            self._allowance -= self._size
            self.flush()
        while self._size > _MOST and len(self._waiting) > 1:
            self._size -= len(self._waiting.popleft().text) + 1
            self._left_out += 1

    def _forget(self) -> None:
        self._waiting.clear()
        self._size = 0
        self._last = time.monotonic()

    def _hand_over(self, stream: str, context: Context | None, text: str) -> None:
        about = {"model": self._name, "stream": stream, "text": text}
        # A copy: the context itself may be entered by its owner this very moment.
        context = (context or copy_context()).copy()
        try:
            context.run(logger.info, "%s: %s", self._name, text, extra=about)
        except Exception:  # noqa: BLE001  a filter or handler of somebody else's, for which no call has to fail
            traceback.print_exc()  # and no logging, which it would fail again; as handlers themselves do
