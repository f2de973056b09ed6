"""When the host dies, in whatever way, its kernels go with it, and all that they started, and their memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from uuid import uuid4

import pytest
from fix_models import CodeDir

from carton_runtime.testing.leaks import marked_processes

WITHIN = 2.0  # seconds

# A model with children, one in a session of its own and one whose parent is gone; `do` says what it is at
# when its host dies.
PARENT = """
import ctypes, os, signal, subprocess, sys, time
import numpy as np

class Model:
    def infer_with_tensors(self, tensors):
        do = str(tensors["do"])
        if do == "nothing":
            return {"out": tensors["x"] + 1}
        subprocess.Popen(["sleep", "1000"])
        subprocess.Popen(["sleep", "1001"], start_new_session=True)
        subprocess.run(["sh", "-c", "setsid sleep 1002 & echo"], stdout=subprocess.DEVNULL)
        if do == "all stopped":
            os.kill(os.getppid(), signal.SIGSTOP)
        print("at it", flush=True)
        if do == "sleeps":
            time.sleep(1000)
        if do == "loops":
            while True:
                pass
        if do == "holds":
            ctypes.PyDLL(None).sleep(1000)
        os.kill(os.getpid(), signal.SIGSTOP)

def get_model():
    return Model()
"""

HOST = """
import logging, os, sys, threading
import numpy as np
import carton_runtime.sync as carton

class Tell(logging.Handler):
    def emit(self, record):
        print(record.text, flush=True)

logging.getLogger("carton_runtime.model").addHandler(Tell())
logging.getLogger("carton_runtime.model").setLevel("INFO")
model = carton.load_unpacked(sys.argv[1], runner_name="python", required_framework_version=sys.argv[2],
    runner_opts={"entrypoint_package": "main", "entrypoint_fn": "get_model"})
kept = model.infer(do="nothing", x=np.zeros(1 << 20))
if sys.argv[4] == "forks":
    import ctypes
    if ctypes.PyDLL(None).fork() == 0:  # as a library does, of which Python knows nothing
        ctypes.PyDLL(None).sleep(1000)
if sys.argv[3] == "nothing":
    print("at it", flush=True)
    threading.Event().wait()
if sys.argv[4] == "exits":
    threading.Timer(1.0, os._exit, [0]).start()
model.infer(do=sys.argv[3], x=1)
"""


def gone(mark: str, within: float) -> dict[int, str]:
    """What is left with that mark after so many seconds; nothing, as soon as there is nothing."""
    deadline, pause = time.monotonic() + within, threading.Event()
    while (left := marked_processes(mark)) and time.monotonic() < deadline:
        pause.wait(0.01)
    return left


@pytest.fixture
def mark() -> str:
    """In the environment of a host, and so of everything that it starts."""
    return f"host-{uuid4()}"


WAYS = [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV]


@pytest.mark.parametrize("way", WAYS, ids=[way.name for way in WAYS])
def test_an_idle_kernel_goes_with_its_host(way: signal.Signals, mark: str, code_dir: CodeDir) -> None:
    run_and_end("nothing", way, mark, code_dir)
    assert gone(mark, WITHIN) == {}


@pytest.mark.parametrize("do", ["sleeps", "loops", "stopped", "all stopped", "holds"])
@pytest.mark.parametrize("way", [signal.SIGKILL, None], ids=["SIGKILL", "exits"])
def test_a_kernel_at_work_goes_with_its_host(do: str, way: signal.Signals | None, mark: str, code_dir: CodeDir) -> None:
    run_and_end(do, way, mark, code_dir)
    assert gone(mark, WITHIN) == {}


def test_a_kernel_goes_with_its_host_also_when_something_holds_the_hosts_sockets(mark: str, code_dir: CodeDir) -> None:
    run_and_end("nothing", signal.SIGKILL, mark, code_dir, "forks")
    deadline = time.monotonic() + WITHIN
    while len(left := marked_processes(mark)) > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert [command for command in left.values() if "_child" in command] == []
    assert len(left) == 1, "that one was to be there"
    assert gone(mark, WITHIN) == {}


def run_and_end(do: str, way: signal.Signals | None, mark: str, code_dir: CodeDir, how: str = "") -> None:
    """Have a host end while its model is at something; without a signal, it leaves by itself after a second."""
    version = f"=3.{sys.version_info.minor}"
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(code_dir(PARENT)), version, do, how or ("waits" if way else "exits")],
        env={**os.environ, "MARK": mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert host.stdout is not None
        assert host.stdout.readline() == b"at it\n"
        if way is not None:
            host.send_signal(way)
        host.wait(20)
    finally:
        host.kill()
        host.wait()
        host.stdout.close()


def test_a_process_that_is_left_would_be_seen(mark: str) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], env={"MARK": mark}) as process:
        assert gone(mark, 0.1) == {process.pid: "/bin/sleep 60"}
        process.kill()
    assert gone(mark, WITHIN) == {}
