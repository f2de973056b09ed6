"""Processes that load and evict at the same time: whoever has a model has all of it, and nothing else is harmed."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_placing import leftovers

KB = 1000

LOAD = """
import asyncio, hashlib, random, sys
from pathlib import Path
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings

cache_dir, seed, rounds, *cartons = sys.argv[1:]

def check(files, folder):
    for path, sha256 in files.model_files.items():
        content = (folder / path.removeprefix("model/")).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256, path

async def main():
    chosen = random.Random(int(seed))
    files = [await open_carton(path, Settings.load()) for path in cartons]
    input()
    for _ in range(int(rounds)):
        one = chosen.choice(files)
        placed = await place_model(one, Path(cache_dir), cache_size=chosen.choice([1, 1_000_000, 2_000_000]))
        check(one, placed.path)
        await asyncio.sleep(0)
        check(one, placed.path)
        placed.release()

asyncio.run(main())
"""


@pytest.fixture
def cartons(packed: Callable[..., Path]) -> list[Path]:
    """Cartons that share some of their files."""
    shared = [random.Random(seed).randbytes(300 * KB) for seed in range(4)]
    made = []
    for number in range(4):
        files = {"own": random.Random(100 + number).randbytes(300 * KB), "small": b"%d" % number}
        files |= {f"shared/{index}": shared[index] for index in (number, (number + 1) % 4)}
        made.append(packed(files, runner_name="noop", required_framework_version="*"))
    return made


@pytest.mark.parametrize(("processes", "rounds"), [(3, 12), pytest.param(4, 150, marks=pytest.mark.soak)])
def test_whoever_has_a_model_has_all_of_it(cartons: list[Path], cache_dir: Path, processes: int, rounds: int) -> None:
    commands = [
        [sys.executable, "-c", LOAD, str(cache_dir), str(seed), str(rounds), *map(str, cartons)]
        for seed in range(processes)
    ]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for command in commands
    ]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate()[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * processes, said
    assert [left for left in leftovers(cache_dir) if not left.endswith("belongs to no model")] == []
