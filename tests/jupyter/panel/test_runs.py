"""Running a model from its panel: results as they come, Stop, a model that dies, and runs again."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest
from fix_fronts import Front, RefusedError, Show
from fix_models import Loader

import carton_runtime as carton

MODES = """
import time

def stream(count):
    for number in range(count):
        yield {"out": np.full(2, float(number))}

def run(tensors):
    mode, count = str(tensors["mode"]), int(tensors["count"])
    if mode == "sleep":
        time.sleep(count)
    if mode == "fail":
        raise ValueError("too many")
    if mode == "die":
        import os
        print("last words", flush=True)
        os._exit(3)
    if mode == "stream":
        return stream(count)
    if mode == "endless":
        return stream(10**9)
    return {"out": np.full(2, float(count))}
"""
SPECS = {
    "inputs": [carton.TensorSpec("mode", "string", []), carton.TensorSpec("count", "int64", [])],
    "outputs": [carton.TensorSpec("out", "float64", [2])],
}


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    return module_loaded.function(f"import numpy as np\n{MODES}", **SPECS)


@pytest.fixture
def mortal(loaded: Loader) -> carton.Carton:
    """A model whose process may be replaced: that of the others has to stay the same."""
    return loaded.function(f"import numpy as np\n{MODES}", **SPECS)


@pytest.fixture
def front(model: carton.Carton, show: Show) -> Front:
    return show(model)


def start(front: Front, mode: str, count: int = 0) -> int:
    """Start a run, and wait until it has begun."""
    number = front.post("run", values={"mode": mode, "count": count})
    before = len(front.panel.history)
    front.wait(lambda: front.state("run")["phase"] in ("running", "queued") or len(front.panel.history) > before)
    return number


def run(front: Front, mode: str, count: int = 0) -> str:
    """Run and give how that ended."""
    assert front.ask("run", values={"mode": mode, "count": count}) == {}
    return str(front.state("run")["phase"])


def test_a_run_shows_what_comes_out_and_hands_it_to_the_notebook(front: Front) -> None:
    assert run(front, "once", 4) == "done"
    state = front.state("run")
    assert (state["id"], state["items"], state["error"]) == (1, 1, None)
    assert state["started"] <= time.time()
    assert 0 < state["elapsed"] < 60
    assert state["status"].startswith("done in ")
    (output,) = front.state("outputs")["items"]
    assert (output["name"], output["dtype"], output["shape"], output["which"]) == ("out", "float64", "[2]", "actual")
    assert np.array_equal(front.panel.result["out"], [4, 4])


def test_a_request_is_acknowledged_before_it_is_answered_and_answered_once(front: Front) -> None:
    number = front.post("run", values={"mode": "once", "count": 1})
    assert front.acknowledgements(number) == 1  # on the thread of the message, before `post` is over
    front.answer(number)
    kinds = ["ack" in content for content, _ in front.messages if content.get("id") == number]
    assert kinds == [True, False]


def test_what_an_answer_is_about_comes_before_it(front: Front) -> None:
    number = front.post("run", values={"mode": "once", "count": 1})
    front.answer(number)
    sent = [data for data, _ in front.line.sent]
    answered = next(at for at, data in enumerate(sent) if data.get("content", {}).get("ok") == {})
    done = next(at for at, data in enumerate(sent) if data.get("state", {}).get("run", {}).get("phase") == "done")
    assert done < answered


def test_stop_ends_a_run_of_a_minute_within_a_second_and_the_next_one_works(front: Front) -> None:
    number = start(front, "sleep", 60)
    begin = time.monotonic()
    front.post("stop")
    front.answer(number)
    assert time.monotonic() - begin < 1
    assert front.state("run")["phase"] == "stopped"
    assert run(front, "once", 2) == "done"
    assert [record.outcome for record in front.panel.history] == ["stopped", "done"]


def test_a_stream_that_is_stopped_leaves_what_had_come(front: Front) -> None:
    number = start(front, "endless")
    front.wait_for("run", lambda state: state["items"] > 0)
    front.ask("stop")
    front.answer(number)
    assert front.state("run")["phase"] == "stopped"
    last = front.state("run")["items"] - 1
    assert np.array_equal(front.panel.result["out"], [last, last])
    assert front.panel.history[0].items == last + 1


def test_stop_without_a_run_does_nothing(front: Front) -> None:
    assert front.ask("stop") == {}
    assert front.state("run")["phase"] == "idle"


def test_there_is_one_run_at_a_time(front: Front) -> None:
    number = start(front, "sleep", 60)
    with pytest.raises(RefusedError, match="a run is going on already"):
        front.ask("run", values={"mode": "once"})
    front.ask("stop")
    front.answer(number)


def test_a_run_to_be_done_again_leaves_the_fields_alone_while_another_goes_on(front: Front) -> None:
    run(front, "once", 4)
    number = start(front, "sleep", 60)
    with pytest.raises(RefusedError, match="a run is going on already"):
        front.ask("replay", run=1)
    assert [field["value"]["typed"] for field in front.state("inputs")["fields"]] == ["sleep", 60]
    front.ask("stop")
    front.answer(number)


def test_an_example_says_nothing_about_a_run_that_began_before_it_was_chosen(loaded: Loader, show: Show) -> None:
    seven = carton.Example({"mode": np.array("once"), "count": np.int64(7)}, {"out": np.full(2, 7.0)}, "seven")
    front = show(loaded.function(f"import numpy as np\n{MODES}", examples=[seven], **SPECS))
    number = start(front, "endless")
    front.ask("example", index=0)
    state = front.wait_for("outputs", lambda state: state["run"] == 1 and not state["example"])
    assert state["expected"] == []
    front.ask("stop")
    front.answer(number)
    front.ask("example", index=0)
    front.ask("run")
    state = front.state("outputs")
    assert (state["example"], len(state["items"]), len(state["expected"])) == ("seven", 1, 1)


def test_results_of_a_stream_are_shown_as_they_come_and_not_each_of_them(front: Front) -> None:
    begin = time.monotonic()
    assert run(front, "stream", 3000) == "done"
    seconds = time.monotonic() - begin
    assert front.state("run")["items"] == 3000
    assert front.state("outputs")["items"][0]["preview"]["kind"] in ("table", "line")
    assert np.array_equal(front.panel.result["out"], [2999, 2999])
    for region in ("run", "outputs"):
        assert len(front.states(region)) <= 15 * seconds + 6


def test_the_last_result_is_shown(front: Front) -> None:
    run(front, "stream", 500)
    assert "499" in str(front.state("outputs")["items"])


def test_an_error_of_the_model_has_its_traceback_folded(front: Front) -> None:
    assert run(front, "fail") == "failed"
    error = front.state("run")["error"]
    assert (error["title"], error["message"]) == ("The model raised ValueError", "too many")
    assert "Traceback" in error["details"]
    assert run(front, "once") == "done"
    assert front.state("run")["error"] is None


def test_a_model_that_dies_leaves_its_last_lines_and_runs_again(show: Show, mortal: carton.Carton) -> None:
    front = show(mortal)
    assert run(front, "die") == "failed"
    error = front.state("run")["error"]
    assert error["title"] == "The model's process ended"
    assert "exit code 3" in error["message"]
    assert error["details"] == "last words"
    assert run(front, "once", 7) == "done"
    assert np.array_equal(front.panel.result["out"], [7, 7])


def test_a_kernel_killed_while_it_runs_is_an_error_and_the_next_run_works(show: Show, mortal: carton.Carton) -> None:
    front = show(mortal)
    number = start(front, "sleep", 60)
    os.kill(mortal.kernel.pid, signal.SIGKILL)
    assert front.answer(number)[0] == {}
    assert "killed (signal 9)" in front.state("run")["error"]["message"]
    front.wait_for("kernel", lambda state: state["state"] == "dead")
    assert run(front, "once") == "done"
    front.wait_for("kernel", lambda state: state["state"] == "idle")


@pytest.mark.parametrize(("request_", "state"), [("restart", "idle"), ("unload", "")])
def test_ending_the_process_stops_the_run(request_: str, state: str, show: Show, mortal: carton.Carton) -> None:
    front = show(mortal)
    number = start(front, "sleep", 60)
    front.ask(request_)
    front.answer(number)
    assert front.state("run")["phase"] == "stopped"
    front.wait_for("kernel", lambda strip: strip["state"] == state)


def test_a_run_says_how_many_calls_are_before_it(front: Front, show: Show, model: carton.Carton) -> None:
    other = show(model)
    first = start(other, "sleep", 60)
    second = start(front, "once", 5)
    state = front.wait_for("run", lambda state: state["phase"] == "queued")
    assert (state["ahead"], state["status"]) == (1, "waits for 1 call before it")
    other.ask("stop")
    other.answer(first)
    front.answer(second)
    assert front.state("run")["phase"] == "done"


def test_a_queued_run_can_be_stopped(front: Front, show: Show, model: carton.Carton) -> None:
    other = show(model)
    first, second = start(other, "sleep", 60), start(front, "once")
    front.wait_for("run", lambda state: state["phase"] == "queued")
    front.ask("stop")
    front.answer(second)
    assert front.state("run")["phase"] == "stopped"
    other.ask("stop")
    other.answer(first)
    assert other.state("run")["phase"] == "stopped"


def test_inputs_that_are_missing_refuse_a_run(front: Front) -> None:
    with pytest.raises(RefusedError, match="An input does not fit: input 'mode' is empty"):
        front.ask("run", values={"count": 1})
    assert front.state("run")["phase"] == "idle"
    assert front.panel.history == ()


# History


def test_history_has_the_newest_run_first_and_hands_values_back(front: Front) -> None:
    run(front, "once", 1)
    run(front, "fail", 2)
    newest, oldest = front.state("history")["items"]
    assert (newest["id"], newest["status"], newest["inputs"]) == (2, "failed", "mode fail · count 2")
    assert (oldest["id"], oldest["status"], oldest["inputs"]) == (1, "done", "mode once · count 1")
    assert newest["outcome"].startswith("failed after")
    first, second = front.panel.history
    assert np.array_equal(first.outputs["out"], [1, 1])
    assert int(first.inputs["count"]) == 1
    assert (second.outcome, second.outputs, type(second.error)) == ("failed", None, carton.ModelError)
    assert repr(first).startswith("<run 1: mode once · count 1: ")


def test_a_run_can_be_done_again(front: Front) -> None:
    run(front, "once", 1)
    run(front, "once", 2)
    assert front.ask("replay", run=1) == {}
    assert np.array_equal(front.panel.result["out"], [1, 1])
    count = front.state("inputs")["fields"][1]
    assert (count["value"]["source"], count["value"]["label"], count["value"]["typed"]) == ("replay", "run 1", 1)
    assert count["revision"] == 1  # an editor replaces what is in it
    assert front.state("history")["total"] == 3


def test_a_run_that_is_not_kept_cannot_be_done_again(front: Front) -> None:
    with pytest.raises(RefusedError, match="run 9 is not kept"):
        front.ask("replay", run=9)


# Kernel


def test_the_kernel_strip_follows_the_kernel(front: Front, model: carton.Carton) -> None:
    number = start(front, "sleep", 60)
    state = front.wait_for("kernel", lambda state: state["state"] == "busy")
    assert f"pid {model.kernel.pid}" in state["about"]
    front.ask("stop")
    front.answer(number)
    run(front, "once")
    state = front.wait_for("kernel", lambda state: state["state"] == "idle" and len(state["spark"]) > 0)
    assert state["calls"].endswith(("call", "calls"))
    assert state["latency"].startswith("p50 ")


def test_a_call_of_the_notebook_is_seen_in_the_strip(front: Front, model: carton.Carton) -> None:
    before = len(front.states("kernel"))
    carton.sync.Carton(model).infer({"mode": "once", "count": 1})
    front.wait(lambda: len(front.states("kernel")) > before)
