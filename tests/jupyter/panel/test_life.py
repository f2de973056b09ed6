"""A model's life as its panel shows it: loaded from its card, tested, restarted, unloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_fronts import Front, RefusedError, Show
from fix_models import DOUBLE, Loader, Packed

import carton_runtime as carton
from carton_runtime.testing.range_server import RangeServer

X = carton.TensorSpec("x", "float64", ["n"], "numbers")
OUT = carton.TensorSpec("out", "float64", ["n"])
ONES = {"inputs": {"x": np.ones(2)}, "name": "ones"}
ABOUT: dict[str, Any] = {
    "model_name": "Double",
    "short_description": "Twice what it was.",
    "model_description": "# More\n\n<script>alert(1)</script> *words*",
    "license": "MIT",
    "homepage": "https://example.com/home",
    "inputs": [X],
    "outputs": [OUT],
    "self_tests": [
        carton.SelfTest(**ONES, expected_out={"out": np.full(2, 2.0)}),
        carton.SelfTest({"x": np.ones(1)}, "wrong", expected_out={"out": np.full(1, 3.0)}),
    ],
    "examples": [carton.Example(**ONES, sample_out={"out": np.full(2, 2.0)})],
}


@pytest.fixture(scope="module")
def path(packed: Packed) -> Path:
    return packed(**ABOUT)


@pytest.fixture
def front(path: Path, show: Show) -> Front:
    return show(path)


def test_a_card_is_there_before_anything_is_loaded(front: Front) -> None:
    card = front.panel.card
    assert (card["title"], card["summary"], card["license"]) == ("Double", "Twice what it was.", "MIT")
    assert card["links"] == [{"name": "homepage", "description": "https://example.com/home"}]
    assert "<em>words</em>" in card["description_html"]
    assert "<script" not in card["description_html"]
    assert (len(card["hash"]), card["verified"]) == (64, "description verified")
    assert front.panel.load["phase"] == "card"
    assert front.panel.kernel["state"] == ""
    assert front.panel.model is None


def test_loading_it_shows_steps_and_then_the_model(front: Front) -> None:
    assert front.ask("load") == {}
    phases = [state["phase"] for state in front.states("load")]
    assert phases[-1] == "loaded"
    assert front.state("kernel")["state"] == "idle"
    assert front.state("card")["verified"].endswith("verified")
    assert "the only one that fits" in front.state("card")["reason"]
    assert isinstance(front.panel.model, carton.Carton)
    front.ask("example", index=0)
    front.ask("run")
    assert np.array_equal(front.panel.result["out"], [2, 2])


def test_what_is_far_away_says_what_it_downloads(path: Path, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with RangeServer() as server:
        front = show(server.serve("far.carton", path))
        assert front.panel.load["hint"].startswith("downloads ")
        front.ask("load")
    front.ask("run", values={"x": [4]})
    assert np.array_equal(front.panel.result["out"], [8])


def test_a_carton_that_cannot_be_loaded_says_why_and_can_be_tried_again(path: Path, show: Show, tmp_path: Path) -> None:
    copy = tmp_path / "copy.carton"
    copy.write_bytes(path.read_bytes())
    front = show(copy)
    copy.rename(tmp_path / "elsewhere.carton")
    with pytest.raises(RefusedError, match="The carton cannot be read"):
        front.ask("load")
    assert front.state("load")["phase"] == "failed"
    assert "copy.carton" in front.state("load")["error"]["message"]
    (tmp_path / "elsewhere.carton").rename(copy)
    front.ask("load")
    assert front.state("load")["error"] is None


SLOW = """
import time
time.sleep(60)
"""


def test_stop_gives_up_a_load(packed: Packed, show: Show) -> None:
    front = show(packed(SLOW + DOUBLE, **{**ABOUT, "self_tests": []}))
    number = front.post("load")
    front.wait_for("load", lambda state: "loading" in state["status"] and state["phase"] == "loading")
    front.ask("stop")
    assert front.answer(number)[0] == {}
    assert front.state("load")["phase"] == "card"


def test_what_needs_a_model_is_refused_without_one(front: Front) -> None:
    for request in ("test", "restart", "unload"):
        with pytest.raises(RefusedError, match="The model is unloaded: model 'Double' is not loaded"):
            front.ask(request)
    with pytest.raises(RefusedError, match="is not loaded"):
        front.ask("run", values={"x": [1]})
    assert front.ask("logs") == {"lines": []}


# Loaded


@pytest.fixture
def loaded_front(path: Path, loaded: Loader, show: Show) -> Front:
    return show(loaded(path))


def test_self_tests_run_and_say_how_far_off_they_are(loaded_front: Front) -> None:
    front = loaded_front
    assert front.panel.tests["names"] == ["ones", "wrong"]
    front.ask("test")
    state = front.state("tests")
    assert (state["phase"], state["passed"], state["total"]) == ("done", 1, 2)
    good, bad = state["rows"]
    assert (good["test"], good["output"], good["passed"], good["error"]) == ("ones", "out", True, "0")
    assert good["tolerance"] == "1e-05"
    assert good["time"].endswith("ms")
    assert not bad["passed"]
    assert "1 of 1 values differ" in bad["message"]


def test_stop_ends_self_tests_that_take_long(loaded: Loader, show: Show) -> None:
    slow = loaded.function(
        'import time\ndef run(tensors):\n    time.sleep(60)\n    return {"out": tensors["x"]}', **ABOUT
    )
    front = show(slow)
    number = front.post("test")
    front.wait_for("kernel", lambda state: state["state"] == "busy")
    with pytest.raises(RefusedError, match="running already"):
        front.ask("test")
    front.ask("stop")
    assert front.answer(number)[0] == {}
    assert front.state("tests")["phase"] == "idle"


def test_restart_starts_another_process(loaded_front: Front) -> None:
    front = loaded_front
    before = front.panel.model.kernel.pid
    front.ask("restart")
    after = front.panel.model.kernel.pid
    assert after != before
    front.wait_for("kernel", lambda state: f"pid {after}" in state["about"] and state["state"] == "idle")


def test_a_model_that_was_unloaded_can_be_loaded_again(loaded_front: Front) -> None:
    front = loaded_front
    old = front.panel.model
    front.ask("unload")
    assert front.state("load")["phase"] == "unloaded"
    assert front.state("kernel")["state"] == ""
    assert old.is_closed
    front.ask("load")
    assert front.panel.model is not old
    front.ask("run", values={"x": [1]})
    assert front.state("run")["phase"] == "done"


def test_a_model_that_was_closed_in_a_cell_is_seen_to_be(loaded_front: Front) -> None:
    front = loaded_front
    carton.sync.Carton(front.panel.model).close()
    front.wait_for("load", lambda state: state["phase"] == "unloaded")


def test_logs_are_what_the_model_printed(loaded: Loader, show: Show) -> None:
    chatty = loaded.function('def run(tensors):\n    print("hello")\n    return {"out": tensors["x"]}', **ABOUT)
    front = show(chatty)
    front.ask("run", values={"x": [1]})
    assert "hello" in front.ask("logs")["lines"]


def test_a_line_of_the_log_that_is_very_long_is_cut(loaded: Loader, show: Show) -> None:
    source = 'def run(tensors):\n    print("y" * 100_000)\n    return {"out": tensors["x"]}'
    front = show(loaded.function(source, **ABOUT))
    front.ask("run", values={"x": [1]})
    (line,) = (line for line in front.ask("logs")["lines"] if line.startswith("y"))
    assert line == "y" * 5_000 + " … (100,000 characters in all)"


# What a panel can show


def test_a_panel_shows_a_blocking_model_too(path: Path, show: Show, loaded: Loader) -> None:
    model = carton.sync.Carton(loaded(path))
    front = show(model)
    assert front.panel.model is model
    front.ask("run", values={"x": [1]})
    assert np.array_equal(front.panel.result["out"], [2])


def test_a_panel_shows_what_get_model_info_gave(path: Path, show: Show) -> None:
    front = show(carton.sync.get_model_info(path))
    front.ask("load")
    assert front.state("load")["phase"] == "loaded"


def test_a_panel_shows_nothing_else(show: Show) -> None:
    with pytest.raises(TypeError, match="a panel shows a model, a CartonInfo, a path or a URL, and no int"):
        show(3)
    with pytest.raises(carton.StorageError):
        show("/nowhere/x.carton")


def test_a_carton_of_unknown_place_cannot_be_loaded_here(path: Path, show: Show) -> None:
    info = carton.CartonInfo(runner=carton.RunnerInfo("python", "*"))
    with pytest.raises(RefusedError, match="load it in a cell"):
        show(info).ask("load")
