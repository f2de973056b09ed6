"""The same input gives the same bytes, whenever, wherever and by whomever it is packed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import carton_runtime as carton

Pack = Callable[..., Path]

FILES = {"b": b"second" * 1000, "a/é": b"", "a/z": bytes(range(256)), "Z": b"upper"}
SCRIPT = """
import sys
from pathlib import Path
import carton_runtime.sync as carton
carton.pack(Path(sys.argv[1]), output_path=sys.argv[2], runner_name="noop", required_framework_version="*",
            runner_opts={"b": 1, "a": 2.5})
"""


def write(folder: Path, names: list[str]) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(FILES[name])
    return folder


def test_the_order_the_day_and_the_modes_of_files_do_not_matter(tmp_path: Path, pack: Pack) -> None:
    first = pack(write(tmp_path / "first", list(FILES)), "first.carton")
    folder = write(tmp_path / "second", list(reversed(FILES)))
    for path in folder.rglob("*"):
        os.utime(path, (86_400, 86_400))
        path.chmod(0o700)
    assert pack(folder, "second.carton").read_bytes() == first.read_bytes()


def test_another_process_with_other_habits_writes_the_same(tmp_path: Path, pack: Pack) -> None:
    folder = write(tmp_path / "model", list(FILES))
    found = set()
    for number, (seed, umask, zone) in enumerate([("1", 0o022, "UTC"), ("2", 0o077, "Asia/Kathmandu")]):
        output = tmp_path / f"{number}.carton"
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C", "TMPDIR": str(tmp_path)}
        command = [sys.executable, "-c", SCRIPT, str(folder), str(output)]
        subprocess.run(command, check=True, env=environment, umask=umask, cwd=tmp_path)
        found.add(output.read_bytes())
    found.add(pack(folder, runner_opts={"b": 1, "a": 2.5}).read_bytes())
    assert len(found) == 1


def test_python_models_are_packed_the_same_twice(code_dir: Callable[..., Path], packed: Callable[..., Path]) -> None:
    folder = code_dir({"main.py": "", "requirements.txt": "numpy\n"})
    assert packed(folder).read_bytes() == packed(folder).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"model_name": "other"},
        {"runner_opts": {"a": 1}},
        {"misc_files": {"a": b""}},
        {
            "inputs": [carton.TensorSpec("x", "int8", [])],
            "outputs": [carton.TensorSpec("y", "int8", [])],
            "self_tests": [carton.SelfTest({"x": np.int8(1)})],
        },
    ],
    ids=["name", "options", "misc", "self test"],
)
def test_another_input_gives_other_bytes_and_another_hash(
    tmp_path: Path, pack: Pack, change: dict[str, object]
) -> None:
    folder = write(tmp_path / "model", list(FILES))
    one, other = pack(folder, "one.carton"), pack(folder, "other.carton", **change)
    assert one.read_bytes() != other.read_bytes()
    hashes = {carton.sync.get_model_info(path).model_hash for path in (one, other)}
    assert len(hashes) == 2
