"""The GPUs of this machine, in the order in which CUDA counts them."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from collections.abc import Mapping

_LOGGER = logging.getLogger(__name__)
_GPU = re.compile(r"GPU\s+\d+:.*\(UUID: (GPU-[^)]+)\)")
_MIG = re.compile(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)")
_VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The UUIDs of the GPUs that a process with these variables may use; a GPU that is split stands as its MIG parts.

    They are what ``nvidia-smi -L`` lists, narrowed and reordered by ``CUDA_VISIBLE_DEVICES``. Without ``nvidia-smi`` there are
    none.
    """
    gpus = parse_listing(_listing(environ))
    chosen = environ.get(_VISIBLE)
    narrowed = gpus if chosen is None else _narrow(gpus, chosen)
    return tuple(part for gpu in narrowed for part in gpu)


def parse_listing(listing: str) -> list[tuple[str, ...]]:
    """For each GPU in the output of ``nvidia-smi -L``: its UUID alone, or those of its MIG parts when it is split."""
    gpus: list[tuple[str, list[str]]] = []
    for line in listing.splitlines():
        if gpu := _GPU.match(line):
            gpus.append((gpu[1], []))
        elif gpus and (part := _MIG.match(line)):
            gpus[-1][1].append(part[1])
    return [tuple(parts) or (uuid,) for uuid, parts in gpus]


def _narrow(gpus: list[tuple[str, ...]], chosen: str) -> list[tuple[str, ...]]:
    visible: list[tuple[str, ...]] = []
    for text in chosen.split(","):
        gpu = _named(gpus, text.strip())
        if gpu is None:
            break  # as CUDA does: the first entry that names nothing ends the list
        visible.append(gpu)
    return visible


def _named(gpus: list[tuple[str, ...]], text: str) -> tuple[str, ...] | None:
    if text.isdecimal():
        return gpus[int(text)] if int(text) < len(gpus) else None
    if not text.startswith(("GPU-", "MIG-")):
        return None
    uuids = [uuid for gpu in gpus for uuid in gpu if uuid.startswith(text)]
    # A GPU that is split is listed by its parts, so that its own UUID is not among ours: it is passed on as it is.
    return (uuids[0],) if uuids else (text,)


def _listing(environ: Mapping[str, str]) -> str:
    program = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, "-L"], capture_output=True, text=True, check=True, timeout=30, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        _LOGGER.info("nvidia-smi cannot list GPUs, so there are none: %s", error)
        return ""
    return done.stdout
