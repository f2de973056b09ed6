"""A panel that is closed leaves nothing: no widget, connection, task, thread, file or model."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from fix_fronts import Front, Line, RefusedError, Show
from fix_models import DOUBLE, Loader, Packed

import carton_runtime as carton
from carton_runtime.background import background_loop, run_blocking

SPECS = {
    "inputs": [carton.TensorSpec("x", "float64", ["n"])],
    "outputs": [carton.TensorSpec("out", "float64", ["n"])],
    "examples": [carton.Example({"x": np.ones(2)}, {"out": np.full(2, 2.0)}, "ones")],
}
SLEEPS = "import time\n" + DOUBLE.replace("return {", "time.sleep(60)\n        return {")


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    return module_loaded.code(**SPECS)


@pytest.fixture(scope="module")
def path(packed: Packed) -> Path:
    return packed(**SPECS)


def used(front: Front) -> Front:
    """A panel that has done something of everything."""
    front.ask("hello", version=1)
    front.ask("example", index=0)
    front.ask("run")
    part = {"field": "x", "upload": "u", "name": "x.npy", "mime": "", "size": 20_000_000}
    for number in range(3):  # more than is kept in memory
        front.ask("upload", bytes(1 << 22), offset=number << 22, **part)
    return front


def settled() -> None:
    """What was handed to the background loop before is done."""
    run_blocking(asyncio.sleep(0))
    gc.collect()


def test_a_closed_panel_is_garbage(model: carton.Carton, show: Show) -> None:
    front = used(show(model))
    known = weakref.ref(front.panel), weakref.ref(front.panel._session), weakref.ref(front.line)
    front.panel.close()
    show.forget()
    del front
    settled()
    assert [reference() for reference in known] == [None, None, None]


def test_a_closed_panel_has_no_connection_left(model: carton.Carton, show: Show) -> None:
    before = len(ipywidgets.widgets.widget._instances)
    front = used(show(model))
    assert len(ipywidgets.widgets.widget._instances) == before + 2  # its layout is a widget too
    front.panel.close()
    assert len(ipywidgets.widgets.widget._instances) == before
    assert not front.line.is_open


def test_a_closed_panel_hears_nothing_of_the_kernel_and_does_nothing_more(model: carton.Carton, show: Show) -> None:
    before = asyncio.all_tasks(background_loop())
    front = used(show(model))
    assert model.kernel.record.listeners
    front.panel.close()
    settled()
    assert not model.kernel.record.listeners
    assert asyncio.all_tasks(background_loop()) <= before


def test_closing_stops_what_runs_and_nothing_is_sent_afterwards(loaded: Loader, show: Show) -> None:
    model = loaded.code(SLEEPS, **SPECS)
    front = show(model)
    front.post("run", values={"x": [1]})
    front.wait_for("run", lambda state: state["phase"] == "running")
    idle = threading.Event()
    model.kernel.on_change(lambda state: idle.set() if state.value == "idle" else None)
    front.panel.close()
    sent = len(front.line.sent)
    assert idle.wait(30)
    settled()
    assert len(front.line.sent) == sent


def test_closing_twice_does_nothing_and_what_runs_gave_stays(model: carton.Carton, show: Show) -> None:
    front = used(show(model))
    front.panel.close()
    front.panel.close()
    assert np.array_equal(front.panel.result["out"], [2, 2])
    assert len(front.panel.history) == 1


def test_a_front_end_that_closes_its_side_closes_the_panel(model: carton.Carton, show: Show) -> None:
    front = used(show(model))
    front.line.handle_close({"content": {}})
    settled()
    assert front.panel.comm is None
    assert not model.kernel.record.listeners


def test_a_request_after_the_end_does_nothing(model: carton.Carton, show: Show) -> None:
    front = show(model)
    front.panel.close()
    front.panel._on_message(front.panel, {"id": 1, "do": "run", "values": {"x": [1]}}, [])
    settled()
    assert front.messages == []
    assert front.panel.history == ()


# Whose model it is


def test_a_panel_keeps_the_model_that_it_was_given(loaded: Loader, packed: Packed, show: Show) -> None:
    front = show(carton.sync.load(packed(**SPECS)).asynchronous)
    settled()
    front.ask("run", values={"x": [3]})
    assert front.panel.result["out"] == 6
    known = weakref.ref(front.panel.model)
    front.panel.close()
    settled()
    assert known() is None


def test_the_panel_of_a_model_that_is_only_shown_ends_with_it(path: Path, show: Show) -> None:
    model: Any = carton.sync.load(path).asynchronous
    front = show(model, keeps=False)
    front.ask("run", values={"x": [3]})
    del model
    gc.collect()
    assert front.wait_for("load", lambda state: state["phase"] == "unloaded")["error"] is None
    front.wait_for("kernel", lambda state: state["state"] == "")
    assert front.panel.model is None
    front.ask("load")  # it knows where it came from
    assert front.state("load")["phase"] == "loaded"


def test_a_run_that_failed_does_not_keep_the_model(packed: Packed, show: Show) -> None:
    fails = DOUBLE.replace("return {", "raise ValueError('no') and {")
    model: Any = carton.sync.load(packed(fails, **SPECS)).asynchronous
    front = show(model, keeps=False)
    front.ask("run", values={"x": [3]})
    assert front.state("run")["phase"] == "failed"
    del model
    gc.collect()
    front.wait_for("load", lambda state: state["phase"] == "unloaded")
    assert "no" in str(front.panel.history[0].error)


def test_self_tests_that_failed_do_not_keep_the_model(path: Path, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_model: carton.Carton) -> None:
        await asyncio.sleep(0)
        raise carton.ModelClosedError("it is unloaded")

    monkeypatch.setattr(carton.Carton, "run_self_tests", fail)
    model: Any = carton.sync.load(path).asynchronous
    front = show(model, keeps=False)
    with pytest.raises(RefusedError, match="unloaded"):
        front.ask("test")
    del model
    gc.collect()
    front.wait_for("load", lambda state: state["phase"] == "unloaded")


def test_a_model_that_the_panel_loaded_is_closed_with_it(path: Path, show: Show) -> None:
    front = show(path)
    front.ask("load")
    kernel = front.panel.model.kernel
    front.panel.close()
    gc.collect()
    run_blocking(kernel.ended())
    assert carton.kernels() == [] or kernel not in carton.kernels()


def test_a_load_that_goes_on_ends_with_the_panel(packed: Packed, show: Show) -> None:
    front = show(packed("import time; time.sleep(60)\n" + DOUBLE, **SPECS))
    front.post("load")
    front.wait_for("load", lambda state: "loading" in state["status"] and state["phase"] == "loading")
    front.panel.close()


def test_updates_go_out_from_the_background_thread(model: carton.Carton, show: Show) -> None:
    front = show(model)
    front.post("hello", version=1)
    line: Line = front.line
    front.wait(lambda: len(front.messages) == 2)
    at = [index for index, (data, _) in enumerate(line.sent) if data.get("method") == "custom"]
    assert [line.threads[index] for index in at] == [threading.current_thread().name, "carton-runtime"]
