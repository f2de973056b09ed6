"""What a model prints: its stdout and stderr as lines, the last of them kept.

Each line also goes to the logger ``carton_runtime.model`` at level INFO, as a record with the attributes ``model``,
``stream`` and ``text``, in the context of the call that runs: a handler may so send it to where that call was made, a
notebook's cell for one.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import IO

_KEPT = 1000
_CHUNK = 1 << 16
_LONGEST = 1 << 16  # a line without end must not fill our memory

logger = logging.getLogger("carton_runtime.model")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a model's output.

    Attributes:
        stream: ``"stdout"`` or ``"stderr"``.
        text: the line, without its end.
    """

    stream: str
    text: str

    def __str__(self) -> str:
        return self.text


class KernelLog:
    """Collects the lines of one kernel.

    `lines` may be read and `drain` called from any thread; the rest belongs to the background loop.

    Args:
        name: the model's name.
        context: gives the context of the call that runs, if one does.
    """

    def __init__(self, name: str, context: Callable[[], Context | None] = lambda: None) -> None:
        self._name = name
        self._context = context
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._open: dict[int, _Pipe] = {}
        self.drained = asyncio.Event()

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The last lines, oldest first."""
        with self._lock:
            return tuple(self._lines)

    def follow(self, stream: str, pipe: IO[bytes]) -> None:
        """Read `pipe` until its end, whenever it has something."""
        os.set_blocking(pipe.fileno(), False)
        self._open[pipe.fileno()] = _Pipe(stream)
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read, pipe.fileno())

    def drain(self) -> None:
        """Take in what is there now."""
        poll = select.poll()
        for descriptor in list(self._open):
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(0):
            self._take(descriptor)
        with self._reading:
            pass  # another reader may still be handing over what it has taken

    def close(self) -> None:
        """Stop reading; what the process wrote before is taken in first."""
        for descriptor in list(self._open):
            self._take(descriptor)
            self._finish(descriptor)

    def _read(self, descriptor: int) -> None:
        if self._take(descriptor):
            self._finish(descriptor)

    def _take(self, descriptor: int) -> bool:
        """Read a pipe once; whether that was its end."""
        # Two readers at once would put the lines in disorder.
        with self._reading:
            pipe = self._open.get(descriptor)
            if pipe is None:
                return False
            try:
                data = os.read(descriptor, _CHUNK)
            except BlockingIOError:
                return False
            self._add(pipe.stream, pipe.feed(data))
            return not data

    def _finish(self, descriptor: int) -> None:
        with self._reading:
            pipe = self._open.pop(descriptor, None)
            if pipe is not None:
                self._add(pipe.stream, pipe.feed(b""))  # a last line without an end
        if pipe is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
        if not self._open:
            self.drained.set()

    def _add(self, stream: str, texts: list[str]) -> None:
        with self._lock:
            self._lines.extend(LogLine(stream, text) for text in texts)
        if texts and logger.isEnabledFor(logging.INFO):
            context = self._context() or copy_context()
            for text in texts:
                about = {"model": self._name, "stream": stream, "text": text}
                # A copy: the context itself may be entered by its owner this very moment.
                context.copy().run(logger.info, "%s: %s", self._name, text, extra=about)


class _Pipe:
    """Bytes to lines."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes; no data at all completes the last one."""
        text = self._rest + self._decoder.decode(data, final=not data)
        *lines, self._rest = text.split("\n")
        if self._rest and (not data or len(self._rest) > _LONGEST):
            lines.append(self._rest)
            self._rest = ""
        return [line.rstrip("\r") for line in lines]
