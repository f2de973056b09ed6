"""Processes of their own that place a model in the cache, to be watched and killed; and what they may leave there."""

from __future__ import annotations

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


class Placer:
    """A process that places a model."""

    def __init__(self, location: Path | str, cache_dir: Path, steps: int, *more: str) -> None:
        command = [sys.executable, "-c", PLACE, str(location), str(cache_dir), str(steps), *more]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, **pipes)

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

    def kill(self) -> None:
        """End it as the system does."""
        self.process.kill()
        self.end()


@pytest.fixture
def placer(cache_dir: Path) -> Iterator[Callable[..., Placer]]:
    """Starts processes that place a model, in this test's cache unless another is given; ends those that still run."""
    started: list[Placer] = []

    def start(location: Path | str, *more: str, steps: int = 0, cache: Path = cache_dir) -> Placer:
        started.append(Placer(location, cache, steps, *more))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.stdout.close()
        one.process.stdin.close()
        one.process.wait()


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
