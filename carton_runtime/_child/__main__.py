"""``python -I <this directory> <calls fd> <control fd> <memory fd>``: be a runner kernel."""

from __future__ import annotations

import sys

from carton_runner.guardian import go_on_guarded

go_on_guarded(int(sys.argv[2]))  # before anything large is imported

import faulthandler  # noqa: E402
import io  # noqa: E402
import socket  # noqa: E402

from carton_runner.api import attach  # noqa: E402
from carton_runner.control import listen  # noqa: E402
from carton_runner.serve import Server  # noqa: E402
from carton_runner.turns import Turns  # noqa: E402
from carton_wire.connection import Connection  # noqa: E402
from carton_wire.memory import Memory  # noqa: E402


def main() -> None:
    """Serve the sockets that the host left open for us."""
    calls, control, memory = (socket.socket(fileno=int(text)) for text in sys.argv[1:4])
    for sock in (calls, control, memory):
        sock.set_inheritable(False)
    faulthandler.enable(all_threads=False)  # the thread that crashed says where
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    # The model's imports come first; ours stay possible for what is imported late.
    sys.path.append(sys.path.pop(0))
    sys.argv = [""]
    turns = Turns()
    listen(control, turns)
    shared = Memory(memory, side=1)
    attach(turns.is_cancelled, shared.allocate)
    Server(Connection(calls, shared), turns).run()


main()
