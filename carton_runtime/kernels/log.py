"""What a model prints: its stdout and stderr as lines, the last of them kept."""

from __future__ import annotations

import asyncio
import codecs
import logging
import os
import threading
from collections import deque
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

    `lines` may be read from any thread; the rest belongs to the background loop.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
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

    def close(self) -> None:
        """Stop reading; what the process wrote before is taken in first."""
        for descriptor in list(self._open):
            self._read(descriptor)
            self._finish(descriptor)

    def _read(self, descriptor: int) -> None:
        pipe = self._open.get(descriptor)
        if pipe is None:
            return
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        self._add(pipe.stream, pipe.feed(data))
        if not data:
            self._finish(descriptor)

    def _finish(self, descriptor: int) -> None:
        if self._open.pop(descriptor, None) is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
        if not self._open:
            self.drained.set()

    def _add(self, stream: str, texts: list[str]) -> None:
        with self._lock:
            self._lines.extend(LogLine(stream, text) for text in texts)
        for text in texts:
            logger.info("%s: %s", self._name, text)


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
