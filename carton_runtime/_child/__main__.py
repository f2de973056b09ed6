"""``python -I <this directory> <calls in> <calls out> <control> <memory>``, all descriptors: be a runner kernel."""

from __future__ import annotations

import sys

from carton_runner.guardian import go_on_guarded

go_on_guarded(int(sys.argv[3]))  # before anything large is imported

import faulthandler  # noqa: E402
import io  # noqa: E402
import os  # noqa: E402
import socket  # noqa: E402

from carton_runner.api import attach  # noqa: E402
from carton_runner.control import listen  # noqa: E402
from carton_runner.serve import Server  # noqa: E402
from carton_runner.turns import Turns  # noqa: E402
from carton_wire.connection import Connection  # noqa: E402
from carton_wire.memory import Memory  # noqa: E402
from carton_wire.pipes import Pipes  # noqa: E402


def main() -> None:
    """Serve what the host left open for us."""
    descriptors = [int(text) for text in sys.argv[1:5]]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    calls = Pipes(*descriptors[:2])
    control, memory = (socket.socket(fileno=descriptor) for descriptor in descriptors[2:])
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
