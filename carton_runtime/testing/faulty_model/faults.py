"""Ways for a process to fail. The standard library only, so that any Python can.

Some end the process, some never end, and some go on as if nothing had been: see `carton_runtime.testing.doubles`.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

_HOG = 512 << 20
_STEP = 16 << 20
_LINES = 100_000

_pipes: list[tuple[int, int]] = []  # the descriptors that carry the messages, in and out, where they are known


def strike(name: str) -> None:
    """Have the fault of that name; none, for no name."""
    if name:
        _FAULTS[name]()


def use_pipes(incoming: int, outgoing: int) -> None:
    """Say which descriptors carry the messages, in a process that does not serve yet."""
    _pipes.append((incoming, outgoing))


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _segv() -> None:
    ctypes.string_at(0)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _exit() -> None:
    os._exit(3)


def _memory() -> None:
    hog: list[bytearray] = []
    while len(hog) * _STEP < _HOG:
        hog.append(bytearray(_STEP))  # a MemoryError, where there is a limit
    raise RuntimeError("it got all the memory that it wanted")


def _native_memory() -> None:
    hog = mmap.mmap(-1, _HOG)  # shared, which no limit of the process counts
    for start in range(0, _HOG, mmap.PAGESIZE):
        hog[start] = 1
    while True:
        time.sleep(1)


def _hang_up() -> None:
    for descriptor in _descriptors():
        os.close(descriptor)
    while True:
        time.sleep(1)


def _half_frame() -> None:
    _send(_prefix()[:-3])


def _lying_frame() -> None:
    _send(_prefix(header=1 << 31))


def _garbage() -> None:
    _send(bytes(range(256)) * 4)


def _full_disk() -> None:
    with open("/dev/full", "wb", buffering=0) as file:
        file.write(b"x")


def _flood() -> None:
    for number in range(_LINES):
        sys.stdout.write("{} {}\n".format(number, "x" * 80))


def _loop() -> None:
    while True:
        pass


def _gil_loop() -> None:
    ctypes.PyDLL(None).sleep(1 << 20)  # native code that does not let go of the interpreter


def _stubborn() -> None:
    while True:
        try:
            while True:
                time.sleep(0.01)
        except BaseException:
            pass


def _prefix(header: int = 2) -> bytes:
    return struct.pack("<4sH2xI4xQQQ", b"CTN2", 6, header, 1 << 20, 1, 1)


def _send(data: bytes) -> None:
    os.write(_descriptors()[1], data)  # little enough for a pipe to take at once


def _descriptors() -> tuple[int, int]:
    if _pipes:
        return _pipes[0]
    # The runner's own: no name leads there, and none should.
    connections: list[Any] = [thing for thing in gc.get_objects() if type(thing).__name__ == "Connection"]
    pipes = connections[0]._pipes
    return pipes.incoming, pipes.outgoing


_FAULTS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "segv": _segv,
    "stop": _stop,
    "exit": _exit,
    "memory": _memory,
    "native_memory": _native_memory,
    "hang_up": _hang_up,
    "half_frame": _half_frame,
    "lying_frame": _lying_frame,
    "garbage": _garbage,
    "full_disk": _full_disk,
    "flood": _flood,
    "loop": _loop,
    "gil_loop": _gil_loop,
    "stubborn": _stubborn,
}
