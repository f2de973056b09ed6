"""Start the process of a runner kernel."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from carton_runtime.descriptors import in_need_of_descriptors
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.runner_kernels.process import KernelProcess, close_all
from carton_runtime.runner_kernels.spec import KernelSpec
from carton_runtime.settings import inherited_environment

_CHILD = Path(__file__).resolve().parent.parent / "_child"


def launch(spec: KernelSpec) -> KernelProcess:
    """Start the process, in a session of its own.

    Raises:
        EnvironmentBuildError: the interpreter cannot be run.
        OutOfDescriptorsError: this process cannot open what it needs for it.
    """
    with in_need_of_descriptors(f"start the process of model {spec.name!r}"):
        return _launch(spec)


def _launch(spec: KernelSpec) -> KernelProcess:
    ours, theirs = _connected()
    command = [str(spec.python), "-I", str(_CHILD), *(str(sock.fileno()) for sock in theirs)]
    try:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(spec),
            pass_fds=[sock.fileno() for sock in theirs],
            start_new_session=True,
            bufsize=0,
        )
    except BaseException as error:
        close_all(ours)
        if not isinstance(error, OSError):
            raise
        message = f"the model's interpreter {spec.python} cannot be started: {error}"
        raise EnvironmentBuildError(message, command=command) from error
    finally:
        close_all(theirs)
    return KernelProcess(popen, *ours)


def _connected() -> tuple[list[socket.socket], list[socket.socket]]:
    """Our ends and theirs of all three connections, or none at all."""
    pairs: list[tuple[socket.socket, socket.socket]] = []
    try:
        pairs.extend(socket.socketpair() for _ in range(3))
    except OSError:
        close_all(sock for pair in pairs for sock in pair)
        raise
    return [ours for ours, _ in pairs], [theirs for _, theirs in pairs]


def _environment(spec: KernelSpec) -> dict[str, str]:
    variables = inherited_environment()
    # Programs that the model starts find its environment first, and no virtual environment of ours.
    bin_dir = spec.python.parent
    variables["PATH"] = f"{bin_dir}:{variables['PATH']}" if variables.get("PATH") else str(bin_dir)
    variables["VIRTUAL_ENV"] = str(bin_dir.parent)
    return {**variables, **spec.variables}
