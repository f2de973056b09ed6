"""Packing streams: a model of any size takes little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MiB = 1 << 20
LIMIT = 200 * MiB

PACK = """
import sys
import carton_runtime.sync as carton
carton.pack(sys.argv[1], output_path=sys.argv[2], runner_name="noop", required_framework_version="*")
"""
READ_AT_ONCE = """
import sys
from pathlib import Path
Path(sys.argv[2]).write_bytes((Path(sys.argv[1]) / "weights").read_bytes())
"""
TELL_PEAK = """
if sys.platform == "linux":  # where ru_maxrss begins with the peak of whoever started the process
    from pathlib import Path
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    print(int(line.split()[1]) * 1024)
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "large.carton"


def peak(script: str, folder: Path, size: int, output: Path) -> int:
    """Bytes of memory that a process takes at most to make `output` of a folder with a file of `size`."""
    folder.mkdir()
    with (folder / "weights").open("wb") as file:
        file.write(os.urandom(4 * MiB))  # so that it is stored, as weights are
        file.truncate(size)
    command = [sys.executable, "-c", script + TELL_PEAK, str(folder), str(output)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    assert output.stat().st_size >= size
    output.unlink()
    return int(done.stdout)


def test_two_gigabytes_are_packed_with_little_memory(tmp_path: Path, output: Path) -> None:
    assert peak(PACK, tmp_path / "model", 2048 * MiB, output) < LIMIT


def test_a_program_that_reads_all_at_once_would_have_been_noticed(tmp_path: Path, output: Path) -> None:
    assert peak(READ_AT_ONCE, tmp_path / "model", 256 * MiB, output) > LIMIT
