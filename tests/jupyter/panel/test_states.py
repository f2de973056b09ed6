"""What a panel says of errors, loads and runs, in words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from fix_fronts import Show
from fix_models import Loader
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton
from carton_jupyter.presenter.failure_view import error_view
from carton_jupyter.presenter.panel_runs import RunView, outcome_text, run_state
from carton_jupyter.presenter.panel_states import kernel_strip, load_hint, load_state
from carton_jupyter.presenter.view import duration_text

TRACE = 'Traceback (most recent call last):\n  File "main.py", line 3\nValueError: too many'


def _model_error() -> carton.ModelError:
    return carton.ModelError("the model raised ValueError: too many", remote_type="ValueError", remote_traceback=TRACE)


@pytest.mark.parametrize(
    ("error", "title", "message", "details"),
    [
        (
            _model_error(),
            "The model raised ValueError", "too many", TRACE,
        ),
        (carton.ModelError("the model gave no dict"), "The model failed", "the model gave no dict", ""),
        (
            carton.KernelDiedError("it ended: killed (signal 9)", pid=1, exit_code=-9, log=["one", "two"]),
            "The model's process ended", "it ended: killed (signal 9)", "one\ntwo",
        ),
        (
            carton.EnvironmentBuildError("numpy cannot be had", command=["uv"], stderr="no wheel\nfor it"),
            "The model's environment cannot be built", "numpy cannot be had", "no wheel\nfor it",
        ),
        (
            carton.RunnerNotFoundError("no runner 'x'; there is:\n  - python: another name"),
            "Nothing here can run this model", "no runner 'x'; there is:", "  - python: another name",
        ),
        (
            carton.InterpreterNotFoundError("no Python =3.4"),
            "The Python that the model needs is missing", "no Python =3.4", "",
        ),
        (
            carton.FormatError("is no int", where="carton.toml: a"),
            "The carton is broken", "carton.toml: a: is no int", "",
        ),
        (carton.CallTimeoutError("too long"), "The run took too long", "too long", ""),
    ],
)  # fmt: skip
def test_errors_have_a_title_what_happened_and_the_rest_folded(
    error: carton.CartonError, title: str, message: str, details: str
) -> None:
    view = error_view(error)
    assert (view["title"], view["message"], view["details"]) == (title, message, details)


def test_every_error_of_the_runtime_has_a_title_of_its_own() -> None:
    kinds = [kind for kind in vars(carton).values() if isinstance(kind, type) and issubclass(kind, carton.CartonError)]
    for name in carton.__all__:
        kind = getattr(carton, name)
        if isinstance(kind, type) and issubclass(kind, carton.CartonError) and kind is not carton.CartonError:
            kinds.append(kind)
            error = kind.__new__(kind, "x")
            error.args = ("x",)
            error.__dict__.update(remote_type="", remote_traceback="", log=(), stderr="")
            assert error_view(error)["title"] != "It did not work", name
    assert len(kinds) > 15


def test_an_error_that_is_none_of_ours_has_its_traceback() -> None:
    try:
        {}["missing"]
    except KeyError as error:
        view = error_view(error)
    assert (view["title"], view["message"]) == ("KeyError", "'missing'")
    assert "test_states.py" in view["details"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0000312, "0.0312 ms"), (0.25, "250 ms"), (0.9999, "1 s"), (1.84, "1.84 s"), (59, "59 s"), (125, "2 min 5 s")],
)
def test_times_are_as_people_write_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_outcomes() -> None:
    assert outcome_text("done", 0.25) == "250 ms"
    assert outcome_text("done", 2, 1200) == "2 s, 1,200 results"
    assert outcome_text("stopped", 0.9) == "stopped after 900 ms"


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (RunView(), ""),
        (RunView("queued", ahead=2), "waits for 2 calls before it"),
        (RunView("running"), "running"),
        (RunView("running", items=1500), "running · 1,500 results"),
        (RunView("stopping"), "stopping"),
        (RunView("done", seconds=0.25, items=1), "done in 250 ms"),
        (RunView("failed", seconds=2), "failed after 2 s"),
    ],
)
def test_the_status_of_a_run_can_be_read_aloud(run: RunView, status: str) -> None:
    assert run_state(run)["status"] == status


def test_a_step_of_loading_says_how_far_it_is() -> None:
    event = carton.Event(
        "model.fetch", carton.Phase.PROGRESS, "downloading weights", 160_000_000, 417_000_000, "B", elapsed=4.0
    )
    state = load_state("loading", event)
    assert state["status"] == "downloading weights · 160 MB of 417 MB · 40 MB/s · 6 s left"
    assert state["fraction"] == pytest.approx(160 / 417)
    counted = carton.Event("model.check", carton.Phase.PROGRESS, "checking", 3, 14, "files")
    assert load_state("loading", counted)["status"] == "checking · 3 of 14 files"
    assert load_state("loading", carton.Event("x", carton.Phase.STARTED, ""))["status"] == "x"


def test_a_carton_here_downloads_nothing() -> None:
    here = carton.CartonInfo(runner=carton.RunnerInfo("python", "*"), location="/x.carton")
    far = carton.CartonInfo(runner=carton.RunnerInfo("python", "*"), location="https://example.com/x.carton")
    assert "downloads" not in load_hint(here)
    assert load_hint(far).startswith("downloads it · ")


def test_no_kernel_is_an_empty_strip() -> None:
    assert set(map(str, kernel_strip(None).values())) == {"", "[]", "0"}


# Without script


@pytest.fixture
def model(loaded: Loader) -> carton.Carton:
    specs = [carton.TensorSpec(name, "float64", ["n"]) for name in ("x", "out")]
    return loaded.code(model_name="Double", inputs=specs[:1], outputs=specs[1:])


def test_a_panel_without_script_is_the_card_and_the_last_run(model: carton.Carton, show: Show) -> None:
    front = show(model)
    bundle, _ = front.panel._repr_mimebundle_()
    assert "Last run" not in bundle["text/html"]
    front.ask("run", values={"x": [1, 2]})
    bundle, _ = front.panel._repr_mimebundle_()
    for part in ("carton-card", "Double", "Last run", "x [1, 2] · ", "float64 [2]", "min 2 · max 4"):
        assert part in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert bundle["text/plain"].startswith("Double (idle)\n")
    assert repr(front.panel) == "<CartonPanel 'Double'>"


def test_a_run_that_failed_has_no_outputs_of_the_run_before(loaded: Loader, show: Show) -> None:
    specs = [carton.TensorSpec(name, "float64", ["n"]) for name in ("x", "out")]
    source = "def run(tensors):\n    assert tensors['x'].all()\n    return {'out': tensors['x']}\n"
    front = show(loaded.function(source, inputs=specs[:1], outputs=specs[1:]))
    front.ask("run", values={"x": [2, 4]})
    front.ask("run", values={"x": [0]})
    page = front.panel._repr_mimebundle_()[0]["text/html"]
    assert "failed after" in page
    assert "min 2 · max 4" not in page


def test_a_closed_panel_is_no_widget_any_more(model: carton.Carton, show: Show) -> None:
    front = show(model)
    front.panel.close()
    bundle, _ = type(front.panel)._repr_mimebundle_(front.panel)
    assert set(bundle) == {"text/html", "text/plain"}


def test_a_terminal_shows_the_card_and_makes_no_widget(shell: InteractiveShell, model: carton.Carton) -> None:
    data, _ = shell.display_formatter.format(model)
    assert set(data) == {"text/html", "text/plain"}


def test_states_are_json(model: carton.Carton, show: Show) -> None:
    front = show(model)
    front.ask("run", values={"x": ["nan", "inf"]})
    for region in front.panel._session.states:
        json.dumps(front.state(region), allow_nan=False)
    assert np.isnan(front.panel.result["out"][0])
    state: Any = front.state("inputs")["fields"][0]
    assert state["value"]["typed"] == ["nan", "inf"]
