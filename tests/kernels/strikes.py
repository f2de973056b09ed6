"""SIGINT where Python may see to it: after each call, at each function's start, at each turn of a loop."""

from __future__ import annotations

import dis
import itertools
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType
from typing import Any, Self

_CHECKED = ("CALL", "CALL_FUNCTION_EX", "CALL_KW", "RESUME", "JUMP_BACKWARD")
"""After these the interpreter looks whether a signal has come."""


@cache
def _offsets(code: CodeType) -> frozenset[int]:
    instructions = list(dis.get_instructions(code))
    following = itertools.pairwise(instructions)
    after = {second.offset for first, second in following if first.opname in _CHECKED}
    return frozenset(after | {first.argval for first in instructions if first.opname == "JUMP_BACKWARD"})


class Striker:
    """Raises at the n-th such place in the given files.

    Attributes:
        where: where it did; empty if it has not.
    """

    def __init__(self, step: int, files: Collection[str]) -> None:
        self.where = ""
        self._left = step
        self._files = files

    def __call__(self, frame: FrameType, event: str, _: Any) -> Striker | None:
        if frame.f_code.co_filename not in self._files:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and not self.where and frame.f_lasti in _offsets(frame.f_code):
            self._left -= 1
            if self._left < 0:
                self.where = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
                signal.raise_signal(signal.SIGINT)  # its handler runs here and now
        return self


@contextmanager
def struck(step: int, files: Collection[str]) -> Iterator[Striker]:
    """Have this thread interrupted at that step of what runs in `files`, if it gets so far."""
    striker = Striker(step, files)
    before = sys.gettrace()
    sys.settrace(striker)
    try:
        yield striker
    finally:
        sys.settrace(before)


class Interrupter:
    """Interrupts the main thread once for each time that it is told to, from a thread of its own."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[float, threading.Event] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="interrupter")

    def __enter__(self) -> Self:
        # Shells have what runs in the background ignore it.
        self._before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.put(None)
        self._thread.join()
        signal.signal(signal.SIGINT, self._before)

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            time.sleep(order[0])
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            order[1].set()

    def finished(self, work: Callable[[], object], delay: float) -> bool:
        """Do `work` in the main thread, which is interrupted after `delay` seconds; whether it was done by then."""
        is_done, struck = False, threading.Event()
        self._orders.put((delay, struck))
        try:
            work()
            is_done = True
            struck.wait()  # the interrupt comes now at the latest
        except KeyboardInterrupt:
            struck.wait()
            return is_done
        raise RuntimeError("an interrupt was lost")
