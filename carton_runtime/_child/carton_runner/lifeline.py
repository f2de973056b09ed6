"""End this process when its host ends, whatever the model is doing."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading


def hold(sock: socket.socket) -> None:
    """Watch the host's end of `sock` from a thread; when it closes, kill this process and all that it started.

    On Linux the kernel is asked for the same, since no thread of ours runs while a C extension holds the GIL. That
    signal comes when the host's *thread* that started us ends: the host uses one that lives as long as it does.
    """
    if sys.platform == "linux":
        _ask_for_a_signal()
    threading.Thread(target=_watch, args=(sock,), name="lifeline", daemon=True).start()


def _ask_for_a_signal() -> None:
    import ctypes  # numpy has imported it already

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _watch(sock: socket.socket) -> None:
    while sock.recv(1):
        pass  # nothing is ever sent
    os.killpg(0, signal.SIGKILL)
