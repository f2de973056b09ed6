"""Models of several Pythons, run from one process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
from fix_models import FUNCTION

import carton_runtime as carton

REPORT = (
    """
import sys
import numpy as np

def run(tensors):
    return {"python": sys.version, "numpy": np.__version__, "executable": sys.executable, "sum": tensors["x"].sum()}
"""
    + FUNCTION
)


@pytest.fixture(scope="module")
def report_dir(code_dir: Callable[..., Path]) -> Path:
    return code_dir(REPORT)


async def test_models_of_three_pythons_run_at_once_and_tell_who_they_are(
    report_dir: Path, packed: Callable[..., Path], python_here: Callable[[str], str]
) -> None:
    host = f"3.{sys.version_info.minor}"
    minors = list(dict.fromkeys(["3.8", "3.13", host]))
    async with AsyncExitStack() as stack:
        told = {}
        for minor in minors:
            path = packed(report_dir, required_framework_version=python_here(minor))
            model = await stack.enter_async_context(await carton.load(path))
            told[minor] = (model, await model.infer(x=np.arange(4)))
        for minor, (model, out) in told.items():
            assert str(out["python"]).startswith(f"{minor}.")
            assert out["sum"] == 6
            assert (model.kernel.python, model.kernel.numpy) == (str(out["python"]).split()[0], str(out["numpy"]))
        assert len({str(out["executable"]) for _, out in told.values()}) == len(minors)
        assert told["3.8"][0].kernel.numpy.startswith("1.24."), "the last numpy for Python 3.8"
        assert told["3.13"][0].kernel.numpy.startswith("2.")


@pytest.mark.parametrize("minor", ["3.9", "3.10", "3.12"])
async def test_the_other_pythons_run_models_too(
    minor: str, report_dir: Path, packed: Callable[..., Path], python_here: Callable[[str], str]
) -> None:
    async with await carton.load(packed(report_dir, required_framework_version=python_here(minor))) as model:
        assert str((await model.infer(x=[1.0]))["python"]).startswith(f"{minor}.")


async def test_the_version_may_be_overridden(
    report_dir: Path, packed: Callable[..., Path], python_here: Callable[[str], str]
) -> None:
    path = packed(report_dir, required_framework_version=python_here("3.13"))
    async with await carton.load(path, override_required_framework_version=python_here("3.8")) as model:
        assert model.kernel.python.startswith("3.8.")
        assert model.info.runner.required_framework_version == "=3.8"


async def test_an_open_range_takes_the_running_python(report_dir: Path, packed: Callable[..., Path]) -> None:
    async with await carton.load(packed(report_dir), override_required_framework_version=">=3.8") as model:
        assert model.kernel.python == ".".join(map(str, sys.version_info[:3]))
