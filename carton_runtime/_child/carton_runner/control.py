"""The thread that listens while the model computes: answers pings, passes on cancellations, ends us with our host."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

from carton_wire.control import Signal, SignalReader, send_signal

if TYPE_CHECKING:
    from .turns import Turns


def listen(sock: socket.socket, turns: Turns) -> None:
    """Start the thread.

    When the host's end of `sock` closes, it kills this process and its group. `carton_runner.guardian` sees to all that
    the model started, and to this process while a C extension holds the GIL and no thread of ours runs.
    """
    threading.Thread(target=_listen, args=(sock, turns), name="control", daemon=True).start()


def _listen(sock: socket.socket, turns: Turns) -> None:
    reader = SignalReader(sock)
    try:
        while (records := reader.receive()) is not None:
            for kind, call in records:
                _obey(sock, turns, kind, call)
    finally:
        # The host is gone, or what speaks there is not our host.
        os.killpg(0, signal.SIGKILL)


def _obey(sock: socket.socket, turns: Turns, kind: Signal, call: int) -> None:
    if kind is Signal.PING:
        with contextlib.suppress(BlockingIOError):
            send_signal(sock, Signal.PONG, call)
    elif kind is Signal.CANCEL:
        turns.cancel(call)
    elif kind is Signal.INTERRUPT:
        turns.interrupt(call)
    elif kind is Signal.INTERRUPT_TO:
        turns.interrupt_to(call)
    elif kind is Signal.ASK and turns.waits(call):
        with contextlib.suppress(BlockingIOError):
            send_signal(sock, Signal.WAITS, call)
