"""Running a model from its panel."""

from __future__ import annotations

import numpy as np
from fix_fronts import Show
from fix_models import Loader

import carton_runtime as carton

X = carton.TensorSpec("x", "float64", ["n"], "numbers")
OUT = carton.TensorSpec("out", "float64", ["n"])


def test_a_run_shows_what_comes_out(loaded: Loader, show: Show) -> None:
    front = show(loaded.code(inputs=[X], outputs=[OUT]))
    assert front.ask("hello", version=1) == {"version": 1}
    front.ask("set", field="x", value=[1, 2.5])
    assert front.state("inputs")["symbols"] == [{"name": "n", "value": "2"}]
    assert front.state("inputs")["can_run"]
    assert front.ask("run") == {}
    assert front.state("run")["phase"] == "done"
    (output,) = front.state("outputs")["items"]
    assert (output["name"], output["dtype"], output["shape"]) == ("out", "float64", "[2]")
    assert np.array_equal(front.panel.result["out"], [2, 5])
