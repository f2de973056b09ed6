"""A host that is killed at any moment of its life leaves nothing: no process, no shared memory, no temporary folder.

Shared memory has no name in the system: it goes with the last process that has it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from kernels.test_host_death import WITHIN, gone
from soak.steadiness import counts

# Loads a model and calls it in every way until it is killed; says how far it is.
HOST = """
import sys
import numpy as np
print("began", flush=True)
import carton_runtime.sync as carton
x = np.ones(1 << 18)
while True:
    with carton.load(sys.argv[1]) as model:
        print("loaded", flush=True)
        for _ in range(100):
            kept = model.infer(x=x)
            assert model.infer_with_handle(model.seal(x=x))["out"].sum() == 2 << 18
            assert [item["out"][0] for item in model.streaming_infer(x=x)] == [2]
    print("closed", flush=True)
"""


STAGES = ("loaded", "began", "", "closed")
"""What a host says; it says nothing while it starts."""


def run_and_kill(carton: Path, stage: str, seconds: float, mark: str) -> None:
    """Have a host get to a stage and live on for so long, kill it, and see that nothing is left."""
    command = [sys.executable, "-c", HOST, str(carton)]
    environment = {**os.environ, "MARK": mark}
    host = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while stage and host.stdout is not None and host.stdout.readline() != f"{stage}\n":
            assert host.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            host.wait(seconds)
    finally:
        host.kill()
        host.wait()
        left = gone(mark, WITHIN)
        _, complaints = host.communicate()
    assert left == {}
    assert complaints == ""


@counts(3, 50)
def test_a_host_that_is_killed_leaves_nothing(count: int, double_carton: Path, temporary: Path) -> None:
    chance = random.Random(0)
    for number in range(count):
        stage = STAGES[number % len(STAGES)]
        run_and_kill(double_carton, stage, 0.4 * chance.random(), f"host-{uuid4()}")
        assert list(temporary.iterdir()) == []
