"""Loading streams: a model of any size takes little memory, and its own size on the disk once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MiB = 1 << 20
SIZE = 400 * MiB
LIMIT = 200 * MiB

PLACE = """
import asyncio, sys
from pathlib import Path
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings

async def main():
    files = await open_carton(sys.argv[1], Settings.load())
    (await place_model(files, Path(sys.argv[2]))).release()

asyncio.run(main())
"""
READ_AT_ONCE = """
import sys
from pathlib import Path
Path(sys.argv[2]).write_bytes(Path(sys.argv[1]).read_bytes())
"""
TELL_PEAK = """
if sys.platform == "linux":  # where ru_maxrss begins with the peak of whoever started the process
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    print(int(line.split()[1]) * 1024)
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.fixture(scope="module")
def large(packed: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A carton with several large files."""
    folder = tmp_path_factory.mktemp("large")
    for number in range(4):
        with (folder / str(number)).open("wb") as file:
            file.write(os.urandom(4 * MiB))  # so that it is stored, as weights are
            file.truncate(SIZE // 4)
    return packed(folder, runner_name="noop", required_framework_version="*")


def peak(script: str, *arguments: Path) -> int:
    """Bytes of memory that a process takes at most."""
    command = [sys.executable, "-c", script + TELL_PEAK, *map(str, arguments)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def taken(folder: Path) -> int:
    """Bytes that the files below a folder take, each counted once however many names it has."""
    stats = {stat.st_ino: stat for stat in (path.lstat() for path in folder.rglob("*") if path.is_file())}
    return sum(stat.st_size for stat in stats.values())


def test_a_large_model_is_loaded_with_little_memory_and_stored_once(large: Path, cache_dir: Path) -> None:
    assert peak(PLACE, large, cache_dir) < LIMIT
    assert SIZE < taken(cache_dir) < SIZE + MiB


def test_a_program_that_reads_all_at_once_would_have_been_noticed(large: Path, tmp_path: Path) -> None:
    assert peak(READ_AT_ONCE, large, tmp_path / "copy") > LIMIT
