"""Where a model's code finds itself: its folder, its modules, its packages, its output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from fix_models import FUNCTION, Loader

import carton_runtime as carton

MODULES = {
    "main.py": """
        import sys, os, subprocess
        from . import beside
        from .parts import inner
        import plain
        from parts.deep import DEEP

        with open("data.txt") as file:
            DATA = file.read()

        def run(tensors):
            return {
                "data": DATA,
                "beside": beside.WHO,
                "inner": inner.WHO,
                "plain": plain.WHO,
                "deep": DEEP,
                "name": __name__,
                "package": os.path.basename(os.path.dirname(__file__)),
                "first": sys.path[0],
                "cwd": os.getcwd(),
                "argv": sys.argv,
            }
        """
    + FUNCTION.replace("\n", "\n        "),
    "beside.py": "WHO = 'beside ' + __name__",
    "plain.py": "WHO = 'plain ' + __name__",
    "parts/inner.py": "from ..beside import WHO as above\nWHO = 'inner of ' + above",
    "parts/deep.py": "DEEP = 'deep'",
    "data.txt": "read by a relative path",
    "json.py": "raise ImportError('a module of the model must not stand for one of the standard library')",
}


@pytest.fixture(scope="module")
def told(packed: Callable[..., Path]) -> dict[str, str]:
    with carton.sync.load(packed(MODULES)) as model:
        return {name: value.tolist() for name, value in model.infer().items()}


async def test_the_working_directory_is_the_models_own(told: dict[str, str]) -> None:
    assert told["data"] == "read by a relative path"
    assert told["cwd"].endswith("/_carton_model_module")


async def test_modules_import_each_other_relatively_and_absolutely(told: dict[str, str]) -> None:
    assert told["beside"] == "beside _carton_model_module.beside"
    assert told["inner"] == "inner of beside _carton_model_module.beside"
    assert (told["plain"], told["deep"]) == ("plain plain", "deep")


async def test_the_entrypoint_has_the_name_that_the_original_gives(told: dict[str, str]) -> None:
    assert told["name"] == "_carton_model_module.main"
    assert told["package"] == "_carton_model_module"
    assert told["first"] == os.path.dirname(told["cwd"])  # noqa: PTH120
    assert told["argv"] == [""]


async def test_a_subprocess_sees_the_same_packages_and_modules(loaded: Loader) -> None:
    source = """
        import subprocess, sys

        def run(tensors):
            code = "import numpy, _carton_model_module, main; print(numpy.__version__, numpy.__file__)"
            def ask(python):
                return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
            import numpy
            return {"same": f"{numpy.__version__} {numpy.__file__}", "full": ask(sys.executable), "path": ask("python")}
        """
    out = await loaded.function(source).infer()
    assert out["full"] == out["same"]
    assert out["path"] == out["same"]


async def test_the_hosts_packages_are_not_the_models(loaded: Loader) -> None:
    source = """
        import importlib.util

        def run(tensors):
            names = ("numpy", "pytest", "carton_runtime")
            return {name: int(importlib.util.find_spec(name) is not None) for name in names}
        """
    out = await loaded.function(source).infer()
    assert {name: int(value) for name, value in out.items()} == {"numpy": 1, "pytest": 0, "carton_runtime": 0}


DEVICES = """
import os

def run(tensors):
    return {"devices": os.environ["CUDA_VISIBLE_DEVICES"]}
"""


async def test_a_model_sees_no_gpu_when_told_so(packed: Callable[..., Path], loaded: Loader) -> None:
    assert (await loaded(packed(DEVICES + FUNCTION), visible_device="CPU").infer())["devices"] == ""


async def test_a_device_that_is_none_is_refused(double_carton: Path) -> None:
    with pytest.raises(carton.InvalidDeviceError, match="'gpu' is not a device; give 'cpu', an index"):
        await carton.load(double_carton, visible_device="gpu")


async def test_what_a_model_prints_is_kept_line_by_line(loaded: Loader) -> None:
    source = """
        import os, sys
        print("while it loads")

        def run(tensors):
            print("out é")
            print("first\\nsecond")
            sys.stderr.write("err\\n")
            os.write(1, b"raw\\n")
            os.system("echo from a child")
            return {}
        """
    model = loaded.function(source)
    await model.infer()
    lines = [(line.stream, line.text) for line in await lines_until(model, "from a child")]
    stdout = [text for stream, text in lines if stream == "stdout"]
    assert stdout == ["while it loads", "out é", "first", "second", "raw", "from a child"]
    assert ("stderr", "err") in lines


async def test_a_last_line_without_an_end_is_kept_too(loaded: Loader) -> None:
    source = """
        def run(tensors):
            print("and then", end="")
            return {}
        """
    model = loaded.function(source)
    await model.infer()
    await model.aclose()
    assert [line.text for line in model.kernel.log] == ["and then"]


async def lines_until(model: carton.Carton, last: str) -> tuple[carton.Event, ...]:
    """The lines, once `last` is among them: pipes are slower than the wire."""
    import logging

    arrived, loop = asyncio.Event(), asyncio.get_running_loop()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            loop.call_soon_threadsafe(arrived.set)

    handler, logger = Handler(), logging.getLogger("carton_runtime.model")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        while not any(line.text == last for line in model.kernel.log):
            await asyncio.wait_for(arrived.wait(), 10)
            arrived.clear()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return model.kernel.log


async def test_a_model_that_nobody_holds_ends_its_process(double_carton: Path) -> None:
    model = await carton.load(double_carton)
    pid = model.kernel.pid
    del model
    await asyncio.wait_for(asyncio.to_thread(wait_until_it_ends, pid), 10)


def wait_until_it_ends(pid: int) -> None:
    """Wait for a child, and leave it to be reaped by whoever started it."""
    with contextlib.suppress(ChildProcessError):  # which has happened already
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_a_model_that_somebody_holds_keeps_its_process(loaded: Loader, double_carton: Path) -> None:
    import gc

    model = loaded(double_carton)
    gc.collect()
    assert psutil.Process(model.kernel.pid).is_running()
    assert (await model.infer(x=1))["out"] == 2


async def test_closing_ends_the_process_and_what_it_started(loaded: Loader) -> None:
    source = """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

        def run(tensors):
            return {"pid": child.pid}
        """
    model = loaded.function(source)
    child = psutil.Process(int((await model.infer())["pid"]))
    await model.aclose()
    assert psutil.wait_procs([child], timeout=10)[1] == []


async def test_closing_twice_does_nothing_and_calls_say_that_it_is_closed(loaded: Loader, double_carton: Path) -> None:
    model = loaded(double_carton)
    await model.aclose()
    await model.aclose()
    with pytest.raises(carton.ModelClosedError, match="closed; load it again"):
        await model.infer(x=1)


async def test_a_model_whose_process_somebody_else_reaps_still_closes(loaded: Loader) -> None:
    model = loaded.function("def run(tensors):\n    return {}\n")
    os.kill(model.kernel.pid, signal.SIGKILL)
    reap(model.kernel.pid)
    async with asyncio.timeout(20):
        await model.aclose()


def reap(pid: int) -> None:
    """Take a child's end from whoever started it."""
    with contextlib.suppress(ChildProcessError):  # this once the other was quicker
        os.waitpid(pid, 0)
