"""SIGINT where Python may see to it: after each call, at each function's start, at each turn of a loop."""

from __future__ import annotations

import dis
import itertools
import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType
from typing import Any

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
