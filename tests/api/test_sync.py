"""The API without ``await``, and models that know no event loop."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from fix_models import HOST_VERSION, Loader

import carton_runtime as carton
from carton_runtime import sync

OPTIONS = {
    "runner_name": "python",
    "required_framework_version": HOST_VERSION,
    "runner_opts": {"entrypoint_package": "main", "entrypoint_fn": "get_model"},
}
COUNT = """
class Model:
    def infer_with_tensors(self, tensors):
        return ({"i": i} for i in range(int(tensors["n"])))

def get_model():
    return Model()
"""


def test_every_function_has_a_twin(code_dir: Callable[..., Path], tmp_path: Path) -> None:
    specs = {"inputs": [carton.TensorSpec("x", "int64", [])], "outputs": [carton.TensorSpec("out", "int64", [])]}
    test = carton.SelfTest({"x": np.array(1)}, expected_out={"out": np.array(2)})
    path = sync.pack(
        code_dir(),
        output_path=tmp_path / "twin.carton",
        **OPTIONS,
        **specs,
        self_tests=[test],
        misc_files={"a.txt": b"12345"},
    )
    assert path == tmp_path / "twin.carton"
    info = sync.get_model_info(path)
    assert sync.get(info.self_tests[0].inputs["x"]) == 1
    assert sync.read(info.misc_files["a.txt"], 2) == b"12"
    with sync.load(path) as model:
        assert model.infer(4)["out"] == model.infer(x=4)["out"] == model.infer({"x": 4})["out"] == 8
        assert [int(item["out"]) for item in model.streaming_infer(x=2)] == [4]
        assert model.infer_with_handle(model.seal(x=3))["out"] == 6
        assert model.run_self_tests().passed
        assert model.info.model_hash == info.model_hash
        assert "idle" in repr(model)
    with pytest.raises(carton.ModelClosedError):
        model.infer(x=1)
    model.close()
    with sync.load_unpacked(code_dir(), **OPTIONS) as unpacked:
        assert unpacked.infer(x=1)["out"] == 2
        assert unpacked.info.model_hash is None


def test_every_public_method_has_a_twin() -> None:
    asynchronous = {name for name in vars(carton.Carton) if not name.startswith("_")}
    blocking = {name for name in vars(sync.Carton) if not name.startswith("_")}
    assert {"infer", "streaming_infer", "seal", "infer_with_handle", "run_self_tests"} <= asynchronous & blocking
    assert set(carton.__all__) >= {"load", "load_unpacked", "pack", "get_model_info"}
    assert set(sync.__all__) >= {"load", "load_unpacked", "pack", "get_model_info"}


def test_a_blocking_stream_may_be_left_early(packed: Callable[..., Path]) -> None:
    with sync.load(packed(COUNT)) as model:
        stream = model.streaming_infer(n=10_000)
        assert [int(next(stream)["i"]) for _ in range(3)] == [0, 1, 2]
        stream.close()
        assert model.infer(n=3)["i"] == 2


def test_warnings_of_a_blocking_load_point_at_the_caller(double_carton: Path) -> None:
    with pytest.warns(UserWarning, match="no GPU 999") as warned:
        sync.load(double_carton, 999).close()
    assert [warning.filename for warning in warned] == [__file__]


def test_a_warning_of_a_blocking_load_made_an_error_leaves_no_process(double_carton: Path) -> None:
    before = psutil.Process().children()
    with pytest.raises(UserWarning, match="no GPU 999") as caught:
        sync.load(double_carton, 999)
    assert psutil.Process().children() == before
    assert caught.tb is not None, "which holds the model, so that no garbage was collected"


def test_what_is_needed_may_be_given_by_position(code_dir: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "positional.carton"
    opts = {"runner_opts": OPTIONS["runner_opts"]}
    path = sync.pack(code_dir(), "python", HOST_VERSION, output_path=output, **opts)
    with sync.load(path, "cpu", "noop", "*", {}) as model:
        assert model.info.runner.runner_name == "noop"
    with sync.load_unpacked(code_dir(), "python", HOST_VERSION, **opts) as unpacked:
        assert unpacked.infer(x=1)["out"] == 2


@pytest.mark.parametrize("name", ["load", "load_unpacked", "pack", "get_model_info"])
def test_a_twin_shows_the_same_signature(name: str) -> None:
    shown = inspect.signature(getattr(sync, name)).parameters
    assert shown == inspect.signature(getattr(carton, name)).parameters
    assert next(iter(shown)) == "path"
    assert ("model_name" in shown) == (name in {"load_unpacked", "pack"})


MISTAKES = """
import carton_runtime as carton

carton.sync.pack("/x", runner_nam="python")  # mistake
carton.sync.get_model_info(3)  # mistake
carton.sync.load("/x", memory_limt=3)  # mistake
carton.sync.load_unpacked("/x", "python", 3.10)  # mistake
carton.sync.pack("/x", "python", "=3.10", model_name="x").exists()
carton.sync.load("/x", "cpu").infer(x=1)["y"].shape
carton.sync.get_model_info("/x").runner
"""


def test_a_type_checker_finds_the_mistakes_in_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(MISTAKES)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(script)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    found = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert found == {number for number, line in enumerate(MISTAKES.splitlines(), 1) if "# mistake" in line}, done.stdout


def test_warnings_of_the_blocking_twin_point_at_the_caller(packed: Callable[..., Path]) -> None:
    specs = {"inputs": [carton.TensorSpec("x", "int64", [])], "outputs": [carton.TensorSpec("out", "int64", [])]}
    with sync.load(packed(**specs)) as model, pytest.warns(carton.SpecWarning, match="'y' is not in") as warned:
        model.infer(x=1, y=1)
    assert [warning.filename for warning in warned] == [__file__]


def test_a_model_serves_one_event_loop_after_another(double_carton: Path) -> None:
    model = asyncio.run(carton.load(double_carton))
    for number in range(3):
        assert asyncio.run(model.infer(x=number))["out"] == 2 * number
    asyncio.run(model.aclose())


def test_a_model_serves_threads_and_event_loops_at_once(loaded: Loader, double_carton: Path) -> None:
    model = loaded(double_carton)
    blocking = sync.Carton(model)
    together = threading.Barrier(4)

    def blocked(start: int) -> list[int]:
        together.wait()
        return [int(blocking.infer(x=number)["out"]) for number in range(start, start + 100)]

    def looped(start: int) -> list[int]:
        async def calls() -> list[int]:
            together.wait()
            results = await asyncio.gather(*(model.infer(x=number) for number in range(start, start + 100)))
            return [int(result["out"]) for result in results]

        return asyncio.run(calls())

    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda job: job[0](job[1]), [(blocked, 0), (looped, 1000), (blocked, 2000), (looped, 3000)])
        )
    assert found == [[2 * number for number in range(start, start + 100)] for start in (0, 1000, 2000, 3000)]


async def test_blocking_calls_work_while_a_loop_runs(double_carton: Path) -> None:
    # As in a notebook, where a cell is synchronous and the kernel's loop runs all the same.
    with sync.load(double_carton) as model:
        assert model.infer(x=1)["out"] == 2


async def test_two_models_run_at_once(loaded: Loader, double_carton: Path) -> None:
    models = [loaded(double_carton), loaded(double_carton)]
    results = await asyncio.gather(*(model.infer(x=number) for number, model in enumerate(models)))
    assert [int(result["out"]) for result in results] == [0, 2]
    assert models[0].kernel.pid != models[1].kernel.pid


def test_a_blocking_call_on_the_background_loop_is_refused() -> None:
    from carton_runtime import background

    async def wait_for_itself() -> None:
        background.run_blocking(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="would wait for itself"):
        background.run_blocking(wait_for_itself())


async def test_cancelled_work_has_cleaned_up_when_its_caller_learns_of_it() -> None:
    from carton_runtime import background

    started, cleaned = threading.Event(), []

    async def work() -> None:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    task = asyncio.create_task(background.run(work()))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == [True]


async def test_a_cancelled_load_leaves_no_process(packed: Callable[..., Path]) -> None:
    # The leak detector proves it.
    slow = packed("import time\nprint('here', flush=True)\ntime.sleep(600)\n")
    loading = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_event(event: carton.Event) -> None:
        if event.step == "model.load" and event.phase is carton.Phase.STARTED:
            loop.call_soon_threadsafe(loading.set)

    task = asyncio.create_task(carton.load(slow, on_event=on_event))
    await loading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
