"""A panel is driven from a cell: its fields are filled, the model runs, and what comes is shown and given."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from fix_fronts import Show
from fix_models import Loader

import carton_runtime as carton

HALF = """
import time

def run(tensors):
    time.sleep(float(tensors["pause"]))
    return {"out": 1 / tensors["x"]} if tensors["x"].all() else fail()

def fail():
    raise ValueError("a zero")
"""
SPECS = {
    "inputs": [carton.TensorSpec("x", "float64", ["n"]), carton.TensorSpec("pause", "float32", [])],
    "outputs": [carton.TensorSpec("out", "float64", ["n"])],
}


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    return module_loaded.function(HALF, **SPECS)


async def test_what_is_given_is_shown_and_what_comes_is_given(model: carton.Carton, show: Show) -> None:
    front = show(model)
    out = await front.panel.infer({"x": np.array([2.0, 4.0])}, pause=0)
    assert out["out"].tolist() == [0.5, 0.25]
    assert front.panel.result is out
    fields = front.wait_for("inputs", lambda state: all(field["value"] for field in state["fields"]))["fields"]
    assert [field["value"]["label"] for field in fields] == ["from a cell", "from a cell"]
    front.wait_for("outputs", lambda state: bool(state["items"]))


async def test_what_is_not_given_stays_in_its_field(model: carton.Carton, show: Show) -> None:
    panel = show(model).panel
    await panel.infer(x=[1.0], pause=0)
    assert (await panel.infer(x=[8.0]))["out"].tolist() == [0.125]
    assert len(panel.history) == 2


async def test_what_goes_wrong_is_raised(model: carton.Carton, show: Show) -> None:
    panel = show(model).panel
    with pytest.raises(carton.InvalidTensorError, match="'pause' is empty"):
        await panel.infer(x=[1.0])
    with pytest.raises(carton.ModelError, match="a zero"):
        await panel.infer(x=[0.0], pause=0)
    with pytest.raises(carton.CartonError, match="there is no input 'y'"):
        await panel.infer(y=1)


async def test_stop_in_the_panel_is_raised_in_the_cell(model: carton.Carton, show: Show) -> None:
    front = show(model)
    call = asyncio.create_task(front.panel.infer(x=[1.0], pause=60))
    await asyncio.to_thread(front.wait_for, "run", lambda state: state["phase"] == "running")
    front.post("stop")
    with pytest.raises(carton.CallCancelledError, match="stopped in the panel"):
        await call


async def test_a_cell_that_is_interrupted_stops_the_run(model: carton.Carton, show: Show) -> None:
    front = show(model)
    call = asyncio.create_task(front.panel.infer(x=[1.0], pause=60))
    await asyncio.to_thread(front.wait_for, "run", lambda state: state["phase"] == "running")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.to_thread(front.wait_for, "run", lambda state: state["phase"] == "stopped")
    assert (await front.panel.infer(pause=0))["out"].tolist() == [1.0]
