"""Processes of their own that place a model in the cache, or load it, to be watched and killed; and what they leave."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PLACE = """
import asyncio, os, signal, sys
from pathlib import Path
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings

location, cache_dir, steps = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
counted = {"open", "os.rename", "os.link", "os.chmod", "os.utime", "os.remove", "os.mkdir", "os.truncate",
           "fcntl.flock", "os.symlink", "placed"}

def count(event, arguments):
    global steps
    if event in counted and is_counting:
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def tell(event):
    print(event.step, event.done, flush=True)
    count("placed", ())

async def main():
    global is_counting
    files = await open_carton(location, Settings.load())
    is_counting = True
    placed = await place_model(files, cache_dir, on_event=tell)
    is_counting = False
    print("placed", placed.path, flush=True)
    if sys.argv[4:]:
        sys.stdin.readline()
    placed.release()
    await files.contents.aclose()

is_counting = False
sys.addaudithook(count)
asyncio.run(main())
print("steps", -steps, flush=True)
"""
"""Places a model; kills itself at the given step of those that change something, or counts them."""


LOAD = """
import asyncio, sys
import numpy as np
import carton_runtime as carton

def tell(event):
    print(event.step, event.done, flush=True)

async def main():
    print("begun", flush=True)
    async with await carton.load(sys.argv[1], on_event=tell) as model:
        await model.infer({"x": np.arange(3)})
        print("loaded", flush=True)

asyncio.run(main())
"""
"""Loads a model, calls it and ends it."""


class Placer:
    """A process that places a model, or loads it."""

    def __init__(self, script: str, *arguments: object, cache_dir: Path) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, **pipes, env={**os.environ, "CARTON_CACHE_DIR": str(cache_dir)})

    def until(self, step: str, done: int = 0) -> str:
        """Wait until it has told of a step, and of so many bytes done; the line."""
        for line in self.process.stdout:
            name, _, rest = line.strip().partition(" ")
            if name == step and (not done or int(rest) >= done):
                return rest
        raise AssertionError(f"the process ended without {step} {done}")

    def end(self) -> int:
        """Wait until it has ended; its exit code."""
        self.process.communicate()
        return self.process.returncode

    def kill(self, after: float = 0.0) -> int:
        """End it as the system does, unless it ends within so many seconds; its exit code."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(after)
        self.process.kill()
        return self.end()


@pytest.fixture
def started() -> Iterator[list[Placer]]:
    """Ends those of these processes that still run."""
    started: list[Placer] = []
    yield started
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.stdout.close()
        one.process.stdin.close()
        one.process.wait()


@pytest.fixture
def placer(cache_dir: Path, started: list[Placer]) -> Callable[..., Placer]:
    """Starts processes that place a model, in this test's cache unless another is given."""

    def start(location: Path | str, *more: str, steps: int = 0, cache: Path = cache_dir) -> Placer:
        started.append(Placer(PLACE, location, cache, steps, *more, cache_dir=cache))
        return started[-1]

    return start


@pytest.fixture
def loader(cache_dir: Path, started: list[Placer]) -> Callable[..., Placer]:
    """Starts processes that load a model, likewise."""

    def start(location: Path | str, *, cache: Path = cache_dir) -> Placer:
        started.append(Placer(LOAD, location, cache_dir=cache))
        return started[-1]

    return start


def leftovers(cache_dir: Path) -> list[str]:
    """What is in a cache and does not belong there, now that nobody fetches anything."""
    found = []
    for path in cache_dir.rglob("*"):
        name = path.relative_to(cache_dir).as_posix()
        is_stored = name.startswith("files/") and path.is_file()
        if is_stored and hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            found.append(f"{name} is damaged")
        if name.startswith("partial/") or path.name.startswith(".tmp-") or path.name.endswith(".new"):
            found.append(name)
        if is_stored and os.stat(path).st_nlink == 1:  # noqa: PTH116  of the same kind as the rest
            found.append(f"{name} belongs to no model")
    return found
