"""Reads damaged cartons, round after round, in a process with little memory: ``python -m hostile.fuzz --help``.

Each round has a seed of its own, made of the seed and the number of the round: any of them can be run again alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hostile.corpus import corpus
from hostile.meeting import everything_of
from hostile.mutations import damaged
from hostile.mutations_folders import damaged_folder
from hostile.sandbox import Sandbox

import carton_runtime as carton
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model

MEMORY = 1 << 30
"""Bytes of memory that reading may ask for, over what the process has already."""

Read = Callable[[Path], Awaitable[None]]


@dataclass
class Report:
    """What came of some rounds.

    Attributes:
        seed: that of the run.
        rounds: how many there were.
        outcomes: the type of each error, or ``read`` → how often.
        slowest: seconds that the slowest round took, and its number.
        peak_memory: bytes that the process had in use at most.
        failures: what was neither read nor refused properly: the number of the round, and what happened.
    """

    seed: int
    rounds: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    peak_memory: int = 0
    failures: list[tuple[int, str]] = field(default_factory=list)


async def read_all(path: Path) -> None:
    """Everything that a user can do with a carton without running its model; raises the first of the errors."""
    info = await carton.get_model_info(path)
    steps = [_place(path), *(file.read() for file in info.misc_files.values()), everything_of(info, "tensor")]
    errors = []
    for step in steps:
        try:
            await step
        except carton.CartonError as error:
            errors.append(error)
    if errors:
        raise errors[0]


async def _place(path: Path) -> None:
    settings = carton.Settings.load()
    files = await open_carton(path, settings)
    try:
        placed = await place_model(files, settings.cache_dir)
        placed.release()
    finally:
        await files.contents.aclose()


async def run(
    sandbox: Sandbox, cartons: Sequence[bytes], seed: int, rounds: range, read: Read, seconds: float
) -> Report:
    """Damage cartons and read them."""
    report = Report(seed)
    for number in rounds:
        path = _damaged(Random(f"{seed}:{number}"), number, cartons, sandbox)
        sandbox.start()
        started = time.monotonic()
        outcome = await _outcome(read, path, sandbox, seconds)
        report.slowest = max(report.slowest, (time.monotonic() - started, number))
        report.rounds += 1
        if ":" in outcome:
            report.failures.append((number, outcome))
        report.outcomes[outcome.partition(":")[0]] += 1
        shutil.rmtree(sandbox.cache, ignore_errors=True)
        shutil.rmtree(sandbox.cartons)
        sandbox.cartons.mkdir()
    report.peak_memory = _peak_memory()
    return report


def _damaged(rng: Random, number: int, cartons: Sequence[bytes], sandbox: Sandbox) -> Path:
    """The carton of one round; every fifth is a folder."""
    if number % 5 == 4:
        return damaged_folder(rng, sandbox.cartons / "damaged")
    path = sandbox.cartons / "damaged.carton"
    path.write_bytes(damaged(rng, cartons))
    return path


async def _outcome(read: Read, path: Path, sandbox: Sandbox, seconds: float) -> str:
    try:
        # Whatever reads does so in other threads, so that this one can tell when it takes too long
        async with asyncio.timeout(seconds):
            await read(path)
        outcome = "read"
    except carton.CartonError as error:
        outcome = type(error).__name__
    except Exception as error:  # noqa: BLE001  to find these is what this is for
        return f"{type(error).__name__}: {error}"
    try:
        sandbox.check_untouched()
    except AssertionError as error:
        return f"outside: {error}"
    return outcome


def _peak_memory() -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _limit_memory() -> None:
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY, in_use + MEMORY))


async def _hungry(_: Path) -> None:
    bytearray(2 * MEMORY)


async def _endless(_: Path) -> None:
    await asyncio.Event().wait()


async def _wrong(path: Path) -> None:
    (path.parent.parent / "canary").write_text("evil")


CONTROLS: dict[str, Read] = {"nothing": read_all, "memory": _hungry, "time": _endless, "outside": _wrong}


def main() -> None:
    """Run as its arguments say, and print the report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the number of the first round")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60, help="how long one round may take, on a slow machine")
    parser.add_argument("--break", dest="broken", choices=CONTROLS, default="nothing", help="to test this very thing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox.make(Path(folder, "sandbox"))
        os.environ |= {"HOME": str(sandbox.home), "CARTON_CACHE_DIR": str(sandbox.cache)}
        os.environ |= {"TMPDIR": str(sandbox.temporary), "CARTON_OFFLINE": "1"}
        tempfile.tempdir = None
        cartons = corpus(Path(folder))
        rounds = range(arguments.first, arguments.first + arguments.rounds)
        _limit_memory()
        report = asyncio.run(
            run(sandbox, cartons, arguments.seed, rounds, CONTROLS[arguments.broken], arguments.seconds)
        )
    json.dump({**report.__dict__, "outcomes": dict(report.outcomes)}, sys.stdout)


if __name__ == "__main__":
    main()
