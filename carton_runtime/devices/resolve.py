"""From what a caller asked for to one device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from carton_runtime.devices.gpus import visible_devices
from carton_runtime.errors import InvalidDeviceError
from carton_runtime.settings import inherited_environment

_UUID = re.compile(r"(?:MIG-GPU|GPU|MIG)-[0-9A-Za-z][0-9A-Za-z/-]*")


@dataclass(frozen=True)
class Device:
    """Where a model runs.

    Attributes:
        kind: ``cpu`` or ``cuda``.
        uuid: the GPU's (or MIG part's) UUID; `None` for the CPU.
        index: the index that was asked for; `None` for the CPU and for a device that was named by its UUID.
        remark: why it is not what was asked for; empty when it is.
    """

    kind: Literal["cpu", "cuda"]
    uuid: str | None = None
    index: int | None = None
    remark: str = ""

    def environment(self) -> dict[str, str]:
        """The variables that make this device the only one that a process sees."""
        return {"CUDA_VISIBLE_DEVICES": self.uuid or ""}

    def __str__(self) -> str:
        return self.uuid or self.kind


def resolve_device(text: str | int | None = None) -> Device:
    """The device that a caller means.

    Args:
        text: ``cpu``, an index, or a UUID that starts with ``GPU-`` or ``MIG-``; `None` means the first GPU, or the CPU
            where there is none. An index that is given where there is no such GPU means the CPU, with a remark.

    Raises:
        InvalidDeviceError: `text` is none of these.
    """
    if text is None:
        return _by_index(0) or Device("cpu")
    if isinstance(text, str) and text.lower() == "cpu":
        return Device("cpu")
    if isinstance(text, str) and _UUID.fullmatch(text):
        return Device("cuda", uuid=text)
    index = _index(text)
    remark = f"there is no GPU {index} on this machine, so the model runs on the CPU"
    return _by_index(index) or Device("cpu", remark=remark)


def _index(text: str | int) -> int:
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    if isinstance(text, str) and text.isascii() and text.isdecimal():
        return int(text)
    raise InvalidDeviceError(
        f"{text!r} is not a device; give 'cpu', an index such as 0, or a UUID that starts with 'GPU-' or 'MIG-'"
    )


def _by_index(index: int) -> Device | None:
    gpus = visible_devices(inherited_environment())
    return Device("cuda", uuid=gpus[index], index=index) if index < len(gpus) else None
