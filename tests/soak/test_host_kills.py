"""A host that is killed at any moment of its life leaves nothing: no process, no shared memory, no temporary folder.

Shared memory has no name in the system: it goes with the last process that has it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
from kernels.test_host_death import WITHIN, gone
from soak.steadiness import Record, counts

# Loads a model and calls it in every way until it is killed; says how far it got.
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
LONGEST = 1.5  # seconds; by then it has loaded the model, called it, and closed it


def run_and_kill(carton: Path, seconds: float, mark: str) -> str:
    """Have a host live for so long; how far it got."""
    command = [sys.executable, "-c", HOST, str(carton)]
    environment = {**os.environ, "MARK": mark}
    host = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            host.wait(seconds)
    finally:
        host.send_signal(signal.SIGKILL)
        host.wait()
    left = gone(mark, WITHIN)
    printed, complaints = host.communicate()
    assert left == {}
    assert complaints == ""
    return (printed.split() or ["started"])[-1]


@counts(3, 50)
def test_a_host_that_is_killed_leaves_nothing(
    count: int, double_carton: Path, temporary: Path, cache_dir: Path, record_property: Record
) -> None:
    chance, reached = random.Random(0), Counter[str]()
    for _ in range(count):
        reached[run_and_kill(double_carton, LONGEST * chance.random(), f"host-{uuid4()}")] += 1
        assert list(temporary.iterdir()) == []
    assert reached["loaded"], "some were killed while they had a model"
    record_property("reached", dict(reached))
    record_property("cache", [str(path) for path in cache_dir.rglob(".tmp*")])
