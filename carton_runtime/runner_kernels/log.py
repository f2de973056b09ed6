"""What a model prints: its stdout and stderr as lines, the last of them kept, and all of them relayed to the logger."""

from __future__ import annotations

import asyncio
import codecs
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
from typing import IO

from carton_runtime.runner_kernels.relay import Relay

_KEPT = 1000
_KEPT_OF_PROCESS = 100  # for the report of its death
_CHUNK = 1 << 16
_LONGEST = 1 << 16  # a line without end must not fill our memory


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


class KeptLines:
    """The last lines of a model, whichever of its processes printed them. From any thread."""

    def __init__(self) -> None:
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def add(self, lines: Iterable[LogLine]) -> None:
        """Keep these, and forget the oldest for it."""
        with self._lock:
            self._lines.extend(lines)

    def all(self) -> tuple[LogLine, ...]:
        """Those that are kept, oldest first."""
        with self._lock:
            return tuple(self._lines)


class KernelLog:
    """Reads what one kernel prints.

    `drain` may be called from any thread; the rest belongs to the background loop.

    Args:
        name: the model's name.
        kept: where the lines are kept.
        context: gives the context of the call that runs, if one does.

    Attributes:
        drained: set at the end of the last pipe.
        own: the last lines of this very process.
    """

    def __init__(
        self, name: str, kept: KeptLines | None = None, context: Callable[[], Context | None] = lambda: None
    ) -> None:
        self._kept = kept or KeptLines()
        self._relay = Relay(name, context)
        self._reading = threading.RLock()  # whom a record is handed to may call the model, and come here again
        self._open: dict[int, _Pipe] = {}
        self._due: asyncio.TimerHandle | None = None
        self.drained = asyncio.Event()
        self.own: deque[LogLine] = deque(maxlen=_KEPT_OF_PROCESS)

    @property
    def lines(self) -> tuple[LogLine, ...]:
        """The last lines of the model, oldest first. From any thread."""
        return self._kept.all()

    def follow(self, stream: str, pipe: IO[bytes]) -> None:
        """Read `pipe` until its end, whenever it has something."""
        os.set_blocking(pipe.fileno(), False)
        self._open[pipe.fileno()] = _Pipe(stream)
        asyncio.get_running_loop().add_reader(pipe.fileno(), self._read, pipe.fileno())

    def drain(self) -> None:
        """Take in what is there now, and relay all of it."""
        poll = select.poll()
        for descriptor in list(self._open):
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(0):
            self._take(descriptor)
        with self._reading:  # another reader may still be handing over what it has taken
            self._relay.flush()

    def close(self) -> None:
        """Stop reading; what the process wrote before is taken in first."""
        for descriptor in list(self._open):
            self._take(descriptor)
            self._finish(descriptor)

    def _read(self, descriptor: int) -> None:
        if self._take(descriptor):
            self._finish(descriptor)
        elif self._due is None and self._relay.is_waiting:
            self._due = asyncio.get_running_loop().call_later(self._relay.pause(), self._flush)

    def _flush(self) -> None:
        self._due = None
        with self._reading:
            self._relay.flush()

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
            self._relay.flush()
        if pipe is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
        if not self._open:
            self.drained.set()
            if self._due is not None:
                self._due.cancel()

    def _add(self, stream: str, texts: list[str]) -> None:
        lines = [LogLine(stream, text) for text in texts]
        self._kept.add(lines)
        self.own.extend(lines)
        self._relay.add(stream, texts)


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
