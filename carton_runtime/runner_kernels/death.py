"""Why a kernel died: the report, and the likely cause."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from carton_runtime.errors import KernelDiedError, ModelClosedError
from carton_runtime.runner_kernels.log import LogLine

_TAIL = 20
_OUR_FRAME = f'  File "{Path(__file__).resolve().parent.parent / "_child"}'
"""How a line of faulthandler's traceback begins that is ours and not the model's."""

_CRASHES = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)


@dataclass(frozen=True)
class Exit:
    """How a process ended.

    Attributes:
        code: its exit code, or ``-N`` when signal N ended it; `None` when that is unknown.
        peak_memory: the most bytes of memory that it had in use; `None` when that is unknown.
        was_oom: whether the system killed something for want of memory meanwhile.
    """

    code: int | None
    peak_memory: int | None
    was_oom: bool = False


def death_report(name: str, pid: int, exited: Exit, doing: str, reason: str, log: Iterable[LogLine]) -> KernelDiedError:
    """The error for everybody who waits.

    Args:
        name: the model's name.
        pid: its process.
        exited: how it ended.
        doing: what it was doing, such as ``while it was loading``.
        reason: why we ended it ourselves; empty when we did not.
        log: what it printed.
    """
    cause = reason or _likely_cause(exited)
    memory = f"; it had used {_megabytes(exited.peak_memory)}" if exited.peak_memory else ""
    return KernelDiedError(
        f"the process of model {name!r} (pid {pid}) ended {doing}: {cause}{memory}",
        pid=pid,
        exit_code=exited.code,
        log=[line.text for line in log if not line.text.startswith(_OUR_FRAME)][-_TAIL:],
        cause=cause,
        peak_memory=exited.peak_memory,
    )


def forked_error(name: str) -> ModelClosedError:
    """The error of a model that was loaded before this process was forked."""
    return ModelClosedError(
        f"model {name!r} was loaded by the process that this one was forked from; load it again here"
    )


def _likely_cause(exited: Exit) -> str:
    code = exited.code
    if code is None:
        return "nobody knows how"
    if code >= 0:
        return f"it left with exit code {code}, as os._exit does"
    if -code == signal.SIGKILL:
        why = "most likely by the system, which was out of memory" if exited.was_oom else "by something outside"
        return f"killed (signal 9) {why}"
    if -code in _CRASHES:
        return f"it crashed with {_signal_name(-code)}, in native code; the log has where"
    return f"ended by {_signal_name(-code)}"


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return f"signal {number} ({signal.Signals(number).name})"
    return f"signal {number}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
