"""A model and an interpreter that fail in a way, and at a moment, that the test chooses.

::

    model = await carton.load_unpacked(FAULTY_MODEL, **faulty_options(Phase.LOADING, Fault.SEGV))
    model = await carton.load_unpacked(FAULTY_MODEL, **faulty_options())
    await model.infer(faulty_inputs(Phase.INFER, Fault.LOOP))
"""

from __future__ import annotations

import stat
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any

FAULTY_MODEL = Path(__file__).resolve().parent / "faulty_model"
"""The folder of a model for the `python` runner: ``main.py``, entrypoint ``get_model``. Without a fault it gives ``x``
back as ``out``, streams as many items as ``items`` says, sleeps for ``seconds``, and can seal."""


class Phase(StrEnum):
    """When a fault happens."""

    STARTING = "starting"  # before the process has greeted its host; see `faulty_interpreter`
    LOADING = "loading"
    INFER = "infer"
    STREAM = "stream"  # between the first item and the second
    SEAL = "seal"
    CLOSING = "closing"  # when the process ends itself, as it was asked to


class Fault(StrEnum):
    """What happens."""

    KILL = "kill"  # SIGKILL
    SEGV = "segv"  # a segmentation fault in native code
    STOP = "stop"  # SIGSTOP
    EXIT = "exit"  # os._exit(3)
    MEMORY = "memory"  # wants 512 MB in Python
    NATIVE_MEMORY = "native_memory"  # takes 512 MB behind Python's back, and keeps them
    HANG_UP = "hang_up"  # the connection is closed, and the process goes on
    HALF_FRAME = "half_frame"  # part of a frame is sent, and then whatever comes next
    LYING_FRAME = "lying_frame"  # a frame claims to be larger than any may be
    GARBAGE = "garbage"  # what is no frame is sent
    FULL_DISK = "full_disk"  # writing a file fails with ENOSPC
    FLOOD = "flood"  # prints 9 MB, and goes on
    LOOP = "loop"  # an endless loop in Python
    GIL_LOOP = "gil_loop"  # native code that never ends and never lets go of the interpreter's lock
    STUBBORN = "stubborn"  # an endless loop that swallows every interrupt

    @property
    def never_ends(self) -> bool:
        """Whether the model is at work for ever, as far as anybody can tell."""
        return self in (Fault.LOOP, Fault.GIL_LOOP, Fault.STUBBORN)


def faulty_options(
    phase: Phase | None = None, fault: Fault | None = None, *, only_if: Path | None = None
) -> dict[str, Any]:
    """Keywords to load `FAULTY_MODEL` with.

    Args:
        phase: `Phase.LOADING` or `Phase.CLOSING`; other faults are chosen by a call's inputs.
        fault: which.
        only_if: a file; without it there is no fault.
    """
    opts = {"entrypoint_package": "main", "entrypoint_fn": "get_model"}
    if phase is not None and fault is not None:
        opts |= {"model.phase": phase.value, "model.fault": fault.value, "model.only_if": str(only_if or "")}
    version = f"=3.{sys.version_info.minor}"
    return {"runner_name": "python", "required_framework_version": version, "runner_opts": opts}


def faulty_inputs(phase: Phase, fault: Fault, **others: Any) -> dict[str, Any]:
    """Inputs that have `FAULTY_MODEL` fail in `Phase.INFER`, `Phase.STREAM` or `Phase.SEAL`."""
    items = {"items": 3} if phase is Phase.STREAM else {}
    return {"x": 1, "phase": phase.value, "fault": fault.value, **items, **others}


def faulty_interpreter(folder: Path, fault: Fault, python: Path | str = sys.executable) -> Path:
    """Make an interpreter that fails when it is started, and then becomes `python` if it still can.

    Args:
        folder: where to put it.
        fault: how it fails.
        python: the interpreter that it is otherwise.
    """
    path = folder / f"python-{fault.value}"
    path.write_text(_INTERPRETER.format(python=python, faults=str(FAULTY_MODEL), fault=fault.value), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


_INTERPRETER = """\
#!{python}
import os, sys
sys.path.insert(0, {faults!r})
import faults
faults.use_pipes(int(sys.argv[3]), int(sys.argv[4]))
faults.strike({fault!r})
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""
