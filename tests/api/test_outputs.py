"""What a model may return, and how the rest is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fix_models import FUNCTION, Loader

import carton_runtime as carton

EVALUATE = """
import sys
import numpy as np
from carton_runner.api import NestedTensor

class Text(str):
    pass

class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no words")

def raises(error):
    raise error

def run(tensors):
    return eval(str(tensors["expression"]))
"""


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    """A model that returns the value of an expression."""
    return module_loaded.code(EVALUATE + FUNCTION)


@pytest.mark.parametrize(
    ("expression", "dtype", "value"),
    [
        ("3", "int64", 3),
        ("2.5", "float64", 2.5),
        ("'text'", "<U4", "text"),
        ("['ab', 'c']", "<U2", ["ab", "c"]),
        ("[['ab'], ['c']]", "<U2", [["ab"], ["c"]]),
        ("np.array(['ab', 'c'], object)", "<U2", ["ab", "c"]),
        ("np.array([], object)", "<U1", []),
        ("Text('sub')", "<U3", "sub"),
        ("[1, 2]", "int64", [1, 2]),
        ("(0.5, 1)", "float64", [0.5, 1.0]),
        ("np.float32(1.5)", "float32", 1.5),
        ("np.arange(3)[::-1]", "int64", [2, 1, 0]),
        ("np.arange(3, dtype='>i2')", "int16", [0, 1, 2]),
        ("np.ma.array([1, 2])", "int64", [1, 2]),
        ("[]", "float64", []),
    ],
)
async def test_plain_values_are_converted(model: carton.Carton, expression: str, dtype: str, value: Any) -> None:
    out = (await model.infer(expression=f"{{'o': {expression}}}"))["o"]
    assert (out.dtype, out.tolist()) == (np.dtype(dtype), value)


async def test_a_nested_tensor_may_be_returned(model: carton.Carton) -> None:
    out = (await model.infer(expression="{'o': NestedTensor([np.arange(2), np.arange(3)])}"))["o"]
    assert isinstance(out, carton.NestedTensor)
    assert out.tolist() == [[0, 1], [0, 1, 2]]


async def test_no_outputs_at_all_are_a_result_too(model: carton.Carton) -> None:
    assert await model.infer(expression="{}") == {}


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("True", "dtype bool is not supported; convert it to one of float32, float64, string"),
        ("np.array([True])", "dtype bool is not supported"),
        ("np.zeros(2, np.float16)", "dtype float16 is not supported"),
        ("1j", "dtype complex128 is not supported"),
        ("b'x'", "bytes is not a tensor"),
        ("np.array([b'x'])", "dtype .S1 is not supported"),
        ("np.array(['a', 1], object)", "an object array may hold only str, not int"),
        ("np.array([None], object)", "an object array may hold only str, not NoneType"),
        ("None", "NoneType is not a tensor"),
        ("{'a': 1}", "dict is not a tensor"),
        ("[[1], [2, 3]]", "use NestedTensor for ragged data"),
        ("np.datetime64('2026-01-01')", "dtype datetime64"),
        ("lambda: 1", "an object array may hold only str, not function"),
    ],
)
async def test_the_rest_is_refused_and_the_output_named(model: carton.Carton, expression: str, words: str) -> None:
    with pytest.raises(carton.ModelError, match=f"the model's output 'bad': .*{words}") as caught:
        await model.infer(expression=f"{{'good': 1, 'bad': {expression}}}")
    assert caught.value.remote_traceback == "", "the message says it all"
    assert (await model.infer(expression="{'o': 1}"))["o"] == 1, "the model goes on"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("None", "the model returned None; it must return a dict of arrays by name"),
        ("[1]", "the model returned a value of type list"),
        ("'text'", "the model returned a value of type str"),
        ("np.arange(3)", "the model returned a value of type ndarray"),
        ("{1: 2}", "an output named 1; names must be strings"),
        ("{('a', 'b'): 2}", "names must be strings"),
    ],
)
async def test_what_is_no_dict_of_arrays_by_name_is_refused(model: carton.Carton, expression: str, words: str) -> None:
    with pytest.raises(carton.ModelError, match=words):
        await model.infer(expression=expression)


async def test_what_a_model_raises_comes_with_its_traceback_and_no_line_of_ours(model: carton.Carton) -> None:
    with pytest.raises(carton.ModelError, match="the model raised ZeroDivisionError: division by zero") as caught:
        await model.infer(expression="1 / 0")
    error = caught.value
    assert error.remote_type == "ZeroDivisionError"
    lines = error.remote_traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('_carton_model_module/main.py", line ' + lines[1].split("line ")[1])
    assert "carton_runner" not in error.remote_traceback
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert error.remote_traceback in str(error)


async def test_the_cause_of_what_a_model_raises_is_told(model: carton.Carton) -> None:
    expression = "raises(ValueError('outer')) if not sys.exc_info() else raises(type('Mine', (Exception,), {})('é 🎉'))"
    with pytest.raises(carton.ModelError, match="the model raised Mine: é 🎉"):
        await model.infer(expression=expression)


async def test_an_exception_without_words_still_reaches_the_caller(model: carton.Carton) -> None:
    with pytest.raises(
        carton.ModelError, match="the model raised Silent: <no message: its __str__ raised RuntimeError>"
    ):
        await model.infer(expression="raises(Silent())")


async def test_sys_exit_is_an_error_of_the_call_and_the_model_goes_on(model: carton.Carton) -> None:
    with pytest.raises(carton.ModelError, match="the model raised SystemExit: 3"):
        await model.infer(expression="sys.exit(3)")
    assert (await model.infer(expression="{'o': 1}"))["o"] == 1


async def test_a_process_that_ends_is_reported_with_its_exit_code_and_last_words(loaded: Loader) -> None:
    source = """
        import os

        def run(tensors):
            print("last words", flush=True)
            os._exit(4)
        """
    with pytest.raises(carton.KernelDiedError, match=r"ended while it ran: .*exit code 4") as caught:
        await loaded.function(source).infer()
    assert (caught.value.exit_code, caught.value.log) == (4, ("last words",))
