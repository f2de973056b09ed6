"""``js/fixtures/panel.json`` is what the presenter makes: the front end's tests and ours mean the same states.

``CARTON_WRITE_FIXTURES=1 pytest tests/jupyter/panel/test_fixture.py`` writes it anew.
"""

from __future__ import annotations

import json
import os
from collections import deque
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

import carton_runtime as carton
from carton_jupyter.panel import CartonPanel
from carton_jupyter.presenter.panel_outputs import example_item, output_state
from carton_jupyter.presenter.panel_runs import (
    FieldRow,
    RunView,
    history_item,
    history_state,
    inputs_state,
    outcome_text,
    run_state,
)
from carton_jupyter.presenter.panel_states import card_state, kernel_strip, load_state, report_state
from carton_jupyter.presenter.panel_view import Which
from carton_jupyter.previews import editor_of, thumbnail
from carton_runtime.runner_kernels.kernel import KernelState
from carton_runtime.runner_kernels.statistics import CallStatistics
from carton_runtime.selftest import SelfTestReport, SelfTestResult, compare

FIXTURE = Path(__file__).parents[3] / "js" / "fixtures" / "panel.json"
HASH = "0d9cf30c0cdf4d6c7b0b1d2d3b9b9d5e0e5ec3a3e0a0a1f6b6a1c9d2f3e4a5b6"

X = carton.TensorSpec("x", "float64", ["n"], "numbers")
GAIN = carton.TensorSpec("gain", "float32", [], "how much")
OUT = carton.TensorSpec("out", "float64", ["n"])
ONES, TWOS = np.ones(2), np.full(2, 2.0)


def lazy(name: str, array: np.ndarray[Any, Any]) -> carton.LazyTensor:
    async def fetch() -> np.ndarray[Any, Any]:
        return array

    return carton.LazyTensor(name, lambda: (array.dtype.name, array.shape), fetch)


def files() -> carton.LazyFiles:
    async def fetch() -> carton.FileTable:
        return carton.FileTable(
            (
                carton.FileEntry("model/weights", 200, HASH, is_linked=True),
                carton.FileEntry("model/main.py", 1200, HASH),
            ),
            HASH,
        )

    return carton.LazyFiles(2, fetch)


def info() -> carton.CartonInfo:
    """A carton that is always the same."""
    inputs = {"x": lazy("x", ONES)}
    return carton.CartonInfo(
        runner=carton.RunnerInfo("python", "=3.11"),
        model_name="Double",
        short_description="Twice what it was.",
        model_description="# More\n\n*words*",
        license="MIT",
        homepage="https://example.com/home",
        required_platforms=("x86_64-unknown-linux-gnu",),
        inputs=(X, GAIN),
        outputs=(OUT,),
        self_tests=(carton.SelfTest(inputs, "ones", None, {"out": lazy("out", TWOS)}),),
        examples=(carton.Example(inputs, {"out": lazy("out", TWOS)}, "ones", "two of them"),),
        model_hash=HASH,
        files=files(),
    )


def kernel() -> carton.Kernel:
    """A process that is always the same."""
    statistics = CallStatistics()
    statistics.calls, statistics._seconds = 3, deque([3e-5, 4e-5, 5e-5])
    fixed = SimpleNamespace(
        spec=SimpleNamespace(
            reason="runner python of 2026-11-01 from the package is the only one that fits =3.11 (Python 3.11.7)"
        ),
        state=KernelState.IDLE, python="3.11.7", device="cpu", pid=4711, queued=0, resident_memory=212_000_000,
        statistics=statistics,
    )  # fmt: skip
    return cast("carton.Kernel", fixed)


def inputs() -> Any:
    value = {
        "source": "example", "label": "example ones", "dtype": "float64", "shape": "[2]", "typed": [1.0, 1.0],
        "preview": thumbnail(ONES, X, "1:x").view,
    }  # fmt: skip
    rows = [
        FieldRow(X, editor_of(X), 1, cast("Any", value), {"axis": 0, "text": "has size 2, its spec says 3"}),
        FieldRow(GAIN, editor_of(GAIN), 0, None, None),
    ]
    return inputs_state(rows, {"n": 2}, can_run=False)


def outputs() -> Any:
    sides: tuple[Which, ...] = ("actual", "expected")
    items, expected = ([output_state("out", TWOS, OUT, side, "table", "2:out")[0]] for side in sides)
    return {"run": 2, "example": "ones", "items": items, "expected": expected}


def error() -> carton.ModelError:
    trace = 'Traceback (most recent call last):\n  File "main.py", line 3, in run\nValueError: too many'
    return carton.ModelError("the model raised ValueError: too many", remote_type="ValueError", remote_traceback=trace)


def history() -> Any:
    done = datetime(2026, 11, 28, 12, 4, 2)
    failed = done.replace(second=31)
    return history_state(
        [
            history_item(2, done, "x example ones", outcome_text("done", 0.00031), "done"),
            history_item(3, failed, "x example ones", outcome_text("failed", 0.25), "failed"),
        ],
        3,
    )


def states() -> dict[str, Any]:
    """Each region of a panel, once."""
    what = info()
    result = SelfTestResult("ones", True, (compare("out", TWOS, TWOS),), 0.0004)
    item, _ = example_item(what.examples[0], 1, {"x": X}, None)
    return {
        "card": card_state(what, kernel()),
        "load": load_state("loaded"),
        "inputs": inputs(),
        "run": run_state(RunView("failed", 3, 1790000000.0, 0.25, error=error())),
        "outputs": outputs(),
        "examples": {"items": [item], "more": "the first 1 of 2 examples"},
        "tests": report_state("done", ["ones"], SelfTestReport((result,))),
        "kernel": kernel_strip(kernel()),
        "history": history(),
    }


def test_the_shared_fixture_is_what_the_presenter_makes() -> None:
    made = json.loads(json.dumps(states(), allow_nan=False))
    if os.environ.get("CARTON_WRITE_FIXTURES"):
        FIXTURE.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    assert json.loads(FIXTURE.read_text(encoding="utf-8")) == made


def test_the_fixture_has_each_region_of_the_panel() -> None:
    own = {name for name, trait in CartonPanel.class_own_traits().items() if trait.metadata.get("sync")}
    assert {name for name in own if not name.startswith("_")} == set(states())
