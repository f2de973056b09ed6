"""``%carton_run``: a model of the notebook, called from a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fix_models import Loader
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import carton_runtime as carton

Run = Callable[[str], Any]

ADD = """
def run(tensors):
    return {"out": tensors["x"] + tensors.get("offset", 1)}
"""
SPECS = {
    "inputs": [carton.TensorSpec("x", "float64", ["n"]), carton.TensorSpec("offset", "float64", [])],
    "outputs": [carton.TensorSpec("out", "float64", ["n"])],
    "examples": [
        carton.Example({"x": np.array([1.0, 2.0]), "offset": np.array(10.0)}, {}, "two numbers"),
        carton.Example({"x": b"\x89PNG"}, {}),
    ],
}  # fmt: skip

COUNT = """
class Model:
    def infer_with_tensors(self, tensors):
        for number in range(int(tensors["n"])):
            yield {"number": tensors["n"] * 0 + number, "word": tensors["word"]}

def get_model():
    return Model()
"""


@pytest.fixture
def model(shell: InteractiveShell, loaded: Loader) -> carton.Carton:
    """The variable ``m``, a model with specs and examples."""
    model = loaded.function(ADD, model_name="Adder", **SPECS)
    shell.user_ns.update(m=model, np=np, a=np.ones(3), batch={"x": np.zeros(2)})
    return model


@pytest.fixture
def counting(shell: InteractiveShell, loaded: Loader) -> carton.Carton:
    """The variable ``c``, a model that streams and has no specs."""
    shell.user_ns["c"] = loaded.code(COUNT)
    model: carton.Carton = shell.user_ns["c"]
    return model


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("inputs", "out"),
    [
        ("x=a offset=2", [3, 3, 3]),
        ("x=np.ones((3,)) * 2, offset=-1", [1, 1, 1]),
        ("x=[1, 2] offset=0", [1, 2]),
        ("**batch offset=5", [5, 5]),
        ("x=[i for i in range(2) if len(a) == 3] offset=0", [0, 1]),
        ("--example 'two numbers'", [11, 12]),
        ("--example 'two numbers' x=[0]", [10]),
    ],
)
def test_inputs_are_expressions_of_the_notebook(run: Run, inputs: str, out: list[float]) -> None:
    run(f"out = %carton_run m {inputs}")
    assert run("out")["out"].tolist() == out


@pytest.mark.usefixtures("model")
def test_outputs_are_given_assigned_or_silenced(run: Run) -> None:
    given = run("%carton_run m x=a offset=0 --to named")
    assert given is run("named")
    assert run("%carton_run m x=a offset=0;") is None


@pytest.mark.usefixtures("model")
def test_braces_and_dollars_are_pythons(run: Run) -> None:
    assert run("%carton_run m x={'k': a}['k'] offset=float('{}'.format(2))")["out"].tolist() == [3, 3, 3]


@pytest.mark.usefixtures("model")
def test_a_function_sees_its_own_variables(run: Run) -> None:
    run("def call(model, k):\n    out = %carton_run model x=[k for _ in range(2)] offset=k\n    return out")
    assert run("call(m, 4.0)")["out"].tolist() == [8, 8]


def test_a_blocking_twin_is_a_model_too(run: Run, shell: InteractiveShell, model: carton.Carton) -> None:
    shell.user_ns["twin"] = carton.sync.Carton(model)
    assert run("%carton_run twin x=a offset=1")["out"].tolist() == [2, 2, 2]


@pytest.mark.usefixtures("model")
def test_an_input_can_be_left_out_on_purpose(run: Run) -> None:
    with pytest.warns(carton.SpecWarning, match="'offset' is missing"):
        assert run("%carton_run m x=a offset=None")["out"].tolist() == [2, 2, 2]


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("m x=a ofset=1", "'Adder' has no input 'ofset'; did you mean offset?"),
        ("m x=a offset=1 wholly=2", "'Adder' has no input 'wholly'; it takes 'x', 'offset'"),
        ("m", "inputs 'x', 'offset' are missing; give x=… offset=…, or None"),
        ("m x=a", "input 'offset' is missing; give offset=…"),
        ("m x=a x=a", "input 'x' is given twice"),
        ("m **batch x=a", "input 'x' is given twice"),
        ("m **a", "**a is no dict of inputs by name"),
        ("m **{1: 2}", "**{1: 2} is no dict of inputs by name"),
        ("m x=", "x= has no value"),
        ("m x=(1", "x=(1 is no Python: '(' was never closed"),
        ("m x=$a", "x=$a is no Python"),
        ("m x=bath", "x=bath: name 'bath' is not defined; did you mean batch?"),
        ("m x=a[7]", "x=a[7]: IndexError: index 7 is out of bounds"),
        ("m 1", "'1' is one argument too many; inputs are NAME=EXPRESSION"),
        ("mm x=a", "'mm' holds no model; did you mean m?"),
        ("a x=a", "'a' holds no model; models are in m"),
        ("x.carton x=a", "load it first: m = %carton_load x.carton"),
        ("", "required: MODEL"),
        ("m x=a --tiemout 1", "no option --tiemout; did you mean --timeout?"),
        ("m x=a --timeout soon", "takes seconds, such as 2.5, and not 'soon'"),
        ("m x=a --timeout -1", "--timeout"),
        ("m x=a --to a.b", "--to takes the name of a variable"),
        ("m --example 'two numbrs'", "'Adder' has no example 'two numbrs'; did you mean two numbers?"),
        ("m --example z", "it has 'two numbers', 'example 2'"),
        ("m --example 'example 2' offset=1", "example 'example 2' shows a file for 'x'"),
    ],
)
def test_wrong_use_is_one_line(run: Run, line: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        run(f"%carton_run {line}")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("counting")
def test_a_model_without_examples_says_so(run: Run) -> None:
    with pytest.raises(UsageError, match="has no example 'one'; it has none"):
        run("%carton_run c --example one")


@pytest.mark.usefixtures("counting")
def test_the_results_of_a_stream_are_shown_as_they_come(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run('%carton_run c n=2 word="two words" --stream --to results')
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["number: 0 int64, word: 'two words' string", "number: 1 int64, word: 'two words' string"]
    assert [int(result["number"]) for result in run("results")] == [0, 1]
    assert shown is run("results")


@pytest.mark.usefixtures("counting")
def test_a_cell_that_ends_with_a_stream_does_not_show_it_again(run: Run, shell: InteractiveShell) -> None:
    formatted, _ = shell.display_formatter.format(run("%carton_run c n=3 word='w' --stream"))
    assert formatted["text/plain"] == "3 results"


@pytest.mark.usefixtures("counting")
def test_without_streaming_the_last_result_is_given(run: Run) -> None:
    assert run("%carton_run c n=3 word='w'")["number"] == 2


def test_a_call_may_take_no_longer_than_is_said(run: Run, shell: InteractiveShell, loaded: Loader) -> None:
    shell.user_ns["s"] = loaded.function(
        "import time\ndef run(tensors):\n    time.sleep(tensors['pause'])\n    return {}"
    )
    with pytest.raises(carton.CallTimeoutError):
        run("%carton_run s pause=60 --timeout 0.2")
    run("%config CartonMagics.timeout = 0.2")
    with pytest.raises(carton.CallTimeoutError):
        run("%carton_run s pause=60")
    assert run("%carton_run s pause=0 --timeout inf") == {}


@pytest.mark.parametrize("line", ["--help", "-h", "m x=1 --help"])
def test_it_helps(run: Run, capsys: pytest.CaptureFixture[str], line: str) -> None:
    assert run(f"%carton_run {line}") is None
    assert capsys.readouterr().out.startswith("usage: %carton_run MODEL [NAME=EXPRESSION ...]")
