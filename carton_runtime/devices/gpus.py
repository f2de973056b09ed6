"""The GPUs of this machine, in the order in which CUDA counts them."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_LOGGER = logging.getLogger(__name__)
_GPU = re.compile(r"GPU \d+: .*\(UUID: (GPU-[^)]+)\)")
_MIG = re.compile(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)")


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
        uuid: its own UUID.
        parts: the UUIDs of its MIG parts; empty when it is not split.
    """

    uuid: str
    parts: tuple[str, ...] = ()

    @property
    def devices(self) -> tuple[str, ...]:
        """What a model can run on: the parts of a GPU that is split, else the GPU itself."""
        return self.parts or (self.uuid,)


def visible_devices(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The UUIDs of the GPUs (or their parts) that a process with these variables may use.

    They are what ``nvidia-smi -L`` lists, narrowed and reordered by ``CUDA_VISIBLE_DEVICES``. Without ``nvidia-smi`` on
    ``PATH`` there are none.
    """
    gpus = parse_listing(_listing(environ))
    chosen = environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return tuple(device for gpu in gpus for device in gpu.devices)
    return tuple(_narrow(gpus, chosen.split(",")))


def parse_listing(listing: str) -> list[Gpu]:
    """Read the output of ``nvidia-smi -L``."""
    gpus: list[Gpu] = []
    for line in listing.splitlines():
        if found := _GPU.match(line):
            gpus.append(Gpu(found[1]))
        elif gpus and (found := _MIG.match(line)):
            gpus[-1] = Gpu(gpus[-1].uuid, (*gpus[-1].parts, found[1]))
    return gpus


def _narrow(gpus: Sequence[Gpu], chosen: Sequence[str]) -> Iterator[str]:
    for text in chosen:
        devices = _named(gpus, text.strip())
        if not devices:
            return  # as CUDA does: the first entry that names nothing ends the list
        yield from devices


def _named(gpus: Sequence[Gpu], text: str) -> tuple[str, ...]:
    if text.isdecimal():
        return gpus[int(text)].devices if int(text) < len(gpus) else ()
    if text.startswith("GPU-"):  # CUDA takes the beginning of a UUID for the whole
        return next((gpu.devices for gpu in gpus if gpu.uuid.startswith(text)), ())
    parts = (part for gpu in gpus for part in gpu.parts) if text.startswith("MIG-") else ()
    return next(((part,) for part in parts if part.startswith(text)), ())


def _listing(environ: Mapping[str, str]) -> str:
    program = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if program is None:
        return ""
    command = [program, "-L"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        _LOGGER.warning("nvidia-smi cannot list the GPUs, so there are none for us: %s", error)
        return ""
    return done.stdout
