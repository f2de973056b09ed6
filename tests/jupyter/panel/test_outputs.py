"""Outputs as what they are, or as something else; saved, and fetched again."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest
from fix_fronts import Front, RefusedError, Show
from fix_models import Loader
from PIL import Image

import carton_runtime as carton
from carton_jupyter.panel import outputs
from carton_jupyter.panel import requests as ask
from carton_runtime.background import run_blocking

SHOW = """
import numpy as np

def run(tensors):
    size = int(tensors["size"])
    image = np.zeros((size, size, 3), np.uint8)
    image[:, :, 0] = 255
    return {"image": image, "labels": np.array(["cat", "dog", "cow"]), "scores": np.array([0.2, 0.7, 0.1])}
"""
SPECS = {
    "inputs": [carton.TensorSpec("size", "int64", [])],
    "outputs": [
        carton.TensorSpec("image", "uint8", ["h", "w", 3], "an RGB image"),
        carton.TensorSpec("labels", "string", ["k"]),
        carton.TensorSpec("scores", "float64", ["k"], "probabilities of classes"),
    ],
}


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    return module_loaded.function(SHOW, **SPECS)


@pytest.fixture
def front(model: carton.Carton, show: Show) -> Front:
    front = show(model)
    front.ask("hello", version=1)
    front.ask("run", values={"size": 32})
    return front


def test_pictures_go_out_as_buffers_before_the_state_that_names_them(front: Front) -> None:
    image, _, scores = front.state("outputs")["items"]
    assert (image["kind"], scores["kind"]) == ("image", "scores")
    key = image["preview"]["blob"]
    sent = [data for data, _ in front.line.sent]
    pushed = next(at for at, data in enumerate(sent) if data.get("content", {}).get("blob") == key)
    named = next(at for at, data in enumerate(sent) if key in str(data.get("state", {}).get("outputs")))
    assert pushed < named
    picture = Image.open(io.BytesIO(front.line.sent[pushed][1][0]))
    assert picture.convert("RGB").getpixel((0, 0)) == (255, 0, 0)


def test_scores_are_named_by_the_output_of_texts_beside_them(front: Front) -> None:
    bars = front.state("outputs")["items"][2]["preview"]["bars"]
    assert [bar["label"] for bar in bars] == ["dog", "cat", "cow"]


def test_an_output_can_be_shown_as_something_else_and_stays_so(front: Front) -> None:
    front.ask("show", output="scores", which="actual", kind="table")
    assert front.state("outputs")["items"][2]["kind"] == "table"
    front.ask("run", values={"size": 8})
    assert front.state("outputs")["items"][2]["kind"] == "table"


def test_what_was_asked_for_last_is_shown_last(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    make, later = outputs.output_state, threading.Event()

    def slow(name: str, value: Any, *rest: Any) -> Any:
        made = make(name, value, *rest)
        if name == "image":
            later.set() if len(value) == 8 else later.wait(1)  # which is in vain if that comes after this
        return made

    monkeypatch.setattr(outputs, "output_state", slow)
    chosen = front.post("show", output="scores", which="actual", kind="table")
    front.ask("run", values={"size": 8})
    front.answer(chosen)
    assert [item["shape"] for item in front.state("outputs")["items"]] == ["[8, 8, 3]", "[3]", "[3]"]


def test_what_an_output_cannot_be_is_refused(front: Front) -> None:
    with pytest.raises(RefusedError, match="cannot be shown as 'audio'"):
        front.ask("show", output="image", which="actual", kind="audio")
    with pytest.raises(RefusedError, match=r"cannot be saved as \.wav"):
        front.ask("save", output="image", which="actual", format="wav")


def test_outputs_are_saved_whole(front: Front) -> None:
    answer, (data,) = front.answer(front.post("save", output="scores", which="actual", format="npy"))
    assert (answer["name"], answer["size"]) == ("scores.npy", len(data))
    assert np.array_equal(np.load(io.BytesIO(data)), front.panel.result["scores"])


def test_what_is_not_shown_any_more_takes_no_memory(front: Front) -> None:
    key = front.state("outputs")["items"][0]["preview"]["blob"]
    front.ask("run", values={"size": 16})
    with pytest.raises(RefusedError, match="not shown any more"):
        front.ask("blob", blob=key)


def test_nothing_is_pushed_before_anybody_looks(model: carton.Carton, show: Show) -> None:
    front = show(model)
    run_blocking(front.panel._session.do(ask.Run({"size": 8})))  # as nobody does who has not seen it
    front.panel._publisher.touch("run")
    front.wait_for("run", lambda state: state["phase"] == "done")
    assert front.messages == []
    key = front.state("outputs")["items"][0]["preview"]["blob"]
    assert front.answer(front.post("blob", blob=key))[0] == {"mime": "image/png"}


def test_a_large_output_is_reduced_before_it_is_shown(loaded: Loader, show: Show) -> None:
    front = show(loaded.function(SHOW, **SPECS))  # one of its own: it keeps the shared memory
    front.ask("hello", version=1)
    front.ask("run", values={"size": 3000})
    image = front.state("outputs")["items"][0]
    assert image["shape"] == "[3000, 3000, 3]"
    assert max(image["preview"]["width"], image["preview"]["height"]) <= 1024
    sizes = [len(buffer) for content, buffers in front.messages if content.get("event") == "blob" for buffer in buffers]
    assert max(sizes) < 1 << 22
