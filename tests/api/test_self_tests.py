"""Self tests are run and compared: what passes, what fails, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_models import FUNCTION, Loader

import carton_runtime as carton
from carton_runtime import NestedTensor, SelfTest, TensorSpec
from carton_runtime.selftest import compare

ECHO = """
def run(tensors):
    if "fail" in tensors:
        raise ValueError("on purpose")
    return {"out": tensors["x"]}
"""
ANY = {"inputs": [TensorSpec("x", "float32", None)], "outputs": [TensorSpec("out", "float32", None)]}


def f32(*values: float) -> np.ndarray[Any, Any]:
    return np.array(values, np.float32)


async def report_of(loaded: Loader, tests: Sequence[SelfTest[Any]], **options: Any) -> carton.SelfTestReport:
    return await loaded.code(ECHO + FUNCTION, **(ANY | options), self_tests=tests).run_self_tests()


async def test_tests_pass_fail_and_report_errors_and_none_stops_another(loaded: Loader) -> None:
    with pytest.warns(carton.SpecWarning, match="'fail' is not in the model's specs"):
        report = await report_of(
            loaded,
            [
                SelfTest({"x": f32(1, 2)}, "right", expected_out={"out": f32(1, 2)}),
                SelfTest({"x": f32(1, 2)}, "wrong", expected_out={"out": f32(1, 3)}),
                SelfTest({"x": f32(1), "fail": f32(1)}, "raises"),
                SelfTest({"x": f32(1)}),
                SelfTest({"x": f32(1)}, "lacks an output", expected_out={"other": f32(1)}),
            ],
        )
    assert not report.passed
    assert [(result.name, result.passed) for result in report] == [
        ("right", True),
        ("wrong", False),
        ("raises", False),
        ("self test 4", True),
        ("lacks an output", False),
    ]
    (wrong,) = report[1].outputs
    assert (wrong.absolute_error, wrong.relative_error) == (1.0, pytest.approx(1 / 3))
    assert "1 of 2 values differ; largest error 1 (relative 0.333)" in wrong.message
    assert isinstance(report[2].error, carton.ModelError)
    assert "on purpose" in str(report[2])
    assert report[4].outputs[0].message == "the model did not return it"
    assert repr(report).startswith("2 of 5 self tests pass\n")


async def test_a_test_that_does_not_fit_the_specs_is_reported_and_not_raised(loaded: Loader) -> None:
    (result,) = await report_of(loaded, [SelfTest({"x": np.array(["text"])}, "misfit")])
    assert not result.passed
    assert isinstance(result.error, carton.InvalidTensorError)


async def test_a_model_without_self_tests_passes(loaded: Loader, double_carton: Path) -> None:
    report = await loaded(double_carton).run_self_tests()
    assert (report.passed, len(report)) == (True, 0)


async def test_strings_nested_tensors_and_integers_survive_the_carton(loaded: Loader) -> None:
    values = [np.array([["é", ""]]), NestedTensor([f32(1), f32(2, 3)]), np.array(2**63 - 1), np.array([], np.uint8)]
    tests = [SelfTest({"x": value}, expected_out={"out": value}) for value in values]
    model = loaded.code(ECHO + FUNCTION, **ANY, self_tests=tests)
    model.info = replace(model.info, inputs=(), outputs=())  # so that values of every dtype fit
    report = await model.run_self_tests()
    assert report.passed, repr(report)


async def test_the_blocking_twin_runs_them_too(packed: Callable[..., Path]) -> None:
    tests = [SelfTest({"x": f32(1)}, expected_out={"out": f32(1)})]
    with carton.sync.load(packed(ECHO + FUNCTION, **ANY, self_tests=tests)) as model:
        assert model.run_self_tests().passed


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("expected", "actual", "passed"),
    [
        (f32(1), f32(1.000001), True),
        (f32(1), f32(1.001), False),
        (f32(0), f32(1e-7), True),
        (f32(NAN, 1), f32(NAN, 1), True),
        (f32(NAN), f32(1), False),
        (f32(1), f32(NAN), False),
        (f32(INF, -INF), f32(INF, -INF), True),
        (f32(INF), f32(-INF), False),
        (f32(INF), f32(1), False),
        (f32(), f32(), True),
        (np.array(2**62), np.array(2**62), True),
        (np.array(2**62), np.array(2**62 + 1), False),
        (np.array([1], np.uint8), np.array([2], np.uint8), False),
        (np.array(["a", "b"]), np.array(["a", "b"]), True),
        (np.array(["a", "b"]), np.array(["a", "c"]), False),
        (np.array(["a"]), np.array(["a "]), False),
        (f32(1), np.array([1.0]), False),
        (f32(1, 2), f32(1), False),
        (NestedTensor([f32(1), f32(2, 3)]), NestedTensor([f32(1), f32(2, 3)]), True),
        (NestedTensor([f32(1), f32(2, 3)]), NestedTensor([f32(1, 2), f32(3)]), False),
        (f32(1), None, False),
    ],
)
def test_values_are_compared_as_allclose_does(expected: Any, actual: Any, passed: bool) -> None:
    compared = compare("out", expected, actual)
    assert compared.passed is passed
    assert bool(compared.message) is not passed


def test_a_difference_says_what_it_is() -> None:
    assert compare("o", f32(1, 2), f32(1)).message == "has shape [1], expected [2]"
    assert compare("o", f32(1), np.array([1.0])).message == "is float64, expected float32"
    assert "first 'c' for 'b'" in compare("o", np.array(["a", "b"]), np.array(["a", "c"])).message
