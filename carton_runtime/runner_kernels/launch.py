"""Start the process of a runner kernel."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path

from carton_runtime._child.carton_wire.pipes import Pipes
from carton_runtime.descriptors import in_need_of_descriptors
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.runner_kernels.process import KernelProcess
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
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        ends, descriptors = _connected(ours, theirs)
        command = [str(spec.python), "-I", str(_CHILD), *map(str, descriptors)]
        try:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_environment(spec),
                pass_fds=descriptors,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            message = f"the model's interpreter {spec.python} cannot be started: {error}"
            raise EnvironmentBuildError(message, command=command) from error
        ours.pop_all()
    return KernelProcess(popen, *ends)


def _connected(
    ours: contextlib.ExitStack, theirs: contextlib.ExitStack
) -> tuple[tuple[Pipes, socket.socket, socket.socket], list[int]]:
    """Our ends of all connections, and the descriptors of theirs, for the two stacks to close."""
    their_incoming, outgoing = os.pipe()
    theirs.callback(os.close, their_incoming)
    ours.callback(os.close, outgoing)
    incoming, their_outgoing = os.pipe()
    theirs.callback(os.close, their_outgoing)
    ours.callback(os.close, incoming)
    control, their_control = socket.socketpair()
    ours.enter_context(control)
    theirs.enter_context(their_control)
    memory, their_memory = socket.socketpair()
    ours.enter_context(memory)
    theirs.enter_context(their_memory)
    descriptors = [their_incoming, their_outgoing, their_control.fileno(), their_memory.fileno()]
    return (Pipes(incoming, outgoing), control, memory), descriptors


def _environment(spec: KernelSpec) -> dict[str, str]:
    variables = inherited_environment()
    # Programs that the model starts find its environment first, and no virtual environment of ours.
    bin_dir = spec.python.parent
    variables["PATH"] = f"{bin_dir}:{variables['PATH']}" if variables.get("PATH") else str(bin_dir)
    variables["VIRTUAL_ENV"] = str(bin_dir.parent)
    return {**variables, **spec.variables}
