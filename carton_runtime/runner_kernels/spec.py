"""What to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from carton_runtime.format.document import Option


@dataclass(frozen=True, kw_only=True)
class KernelSpec:
    """A model's process, before it runs.

    Attributes:
        name: the model's name, for logs and messages.
        python: the interpreter of the model's environment.
        runner: the runner's ``main.py``.
        model_dir: the folder of the carton's ``model/``.
        options: the runner's options.
        variables: environment variables to set over the inherited ones.
        batch_axes: for ``inputs`` and ``outputs``, the axis of each tensor along which calls may be put together.
        device: the device that the process sees, for people.
        reason: why this runner and this version, for people.
        memory_limit: bytes of memory that the process and all that it starts may take; `None` for as much as there is.
        ready_timeout: seconds that the process may take until the model is loaded; `None` for as long as it wants.
    """

    name: str
    python: Path
    runner: Path
    model_dir: Path
    options: Mapping[str, Option] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    batch_axes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    device: str = "cpu"
    reason: str = ""
    memory_limit: int | None = None
    ready_timeout: float | None = None
