"""Start the process of a runner kernel."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.settings import inherited_environment

_CHILD = Path(__file__).resolve().parent.parent / "_child"


@dataclass(frozen=True)
class LaunchSpec:
    """What to start.

    Attributes:
        python: the interpreter of the model's environment.
        variables: environment variables to set over the inherited ones.
    """

    python: Path
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KernelProcess:
    """A started process, and our ends of its sockets and pipes.

    `control` carries nothing: that it is open tells the process that we live.
    """

    popen: subprocess.Popen[bytes]
    calls: socket.socket
    control: socket.socket

    def close(self) -> None:
        """Close our ends."""
        self.calls.close()
        self.control.close()
        for pipe in (self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                pipe.close()


def launch(spec: LaunchSpec) -> KernelProcess:
    """Start the process, in a session of its own so that its children can be ended with it.

    Call it in a thread that lives as long as this process: on Linux the process dies with the thread that started it.

    Raises:
        EnvironmentBuildError: the interpreter cannot be run.
    """
    calls, child_calls = socket.socketpair()
    control, child_control = socket.socketpair()
    command = [str(spec.python), "-I", str(_CHILD), str(child_calls.fileno()), str(child_control.fileno())]
    try:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(spec),
            pass_fds=(child_calls.fileno(), child_control.fileno()),
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        calls.close()
        control.close()
        message = f"the model's interpreter {spec.python} cannot be started: {error}"
        raise EnvironmentBuildError(message, command=command) from error
    finally:
        child_calls.close()
        child_control.close()
    return KernelProcess(popen, calls, control)


def _environment(spec: LaunchSpec) -> dict[str, str]:
    variables = inherited_environment()
    # Programs that the model starts find its environment first, and no virtual environment of ours.
    bin_dir = spec.python.parent
    variables["PATH"] = f"{bin_dir}:{variables['PATH']}" if variables.get("PATH") else str(bin_dir)
    variables["VIRTUAL_ENV"] = str(bin_dir.parent)
    return {**variables, **spec.variables}
