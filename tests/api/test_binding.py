"""What some inputs make of a model's specs, before there is a call."""

from __future__ import annotations

import numpy as np

from carton_runtime.checking import bind
from carton_runtime.format.document import TensorSpec

PICTURE = TensorSpec("picture", "uint8", ["h", "w", 3])
MASK = TensorSpec("mask", "uint8", ["h", "w"])
PAIR = [TensorSpec("a", "float32", "s"), TensorSpec("b", "float32", "s")]


def test_symbols_have_the_sizes_of_the_inputs_there_are() -> None:
    found = bind([PICTURE, MASK], {"picture": np.zeros((96, 128, 3), np.uint8)})
    assert found.symbols == {"h": 96, "w": 128}
    assert found.problems == ()


def test_a_symbol_for_a_whole_shape_has_all_its_sizes() -> None:
    assert bind(PAIR, {"b": np.zeros((2, 5), np.float32)}).symbols == {"s": (2, 5)}


def test_a_mismatch_names_the_axis_and_what_it_should_be() -> None:
    inputs = {"picture": np.zeros((96, 128, 3), np.uint8), "mask": np.zeros((64, 128), np.uint8)}
    (problem,) = bind([PICTURE, MASK], inputs).problems
    assert (problem.name, problem.axis) == ("mask", 0)
    assert problem.text == "has size 64, but 'h' is 96 in input 'picture', axis 0"
    assert str(problem) == f"input 'mask', axis 0: {problem.text}"


def test_a_wrong_dtype_is_about_no_axis() -> None:
    (problem,) = bind([MASK], {"mask": np.zeros((2, 2), np.float32)}).problems
    assert problem.axis is None
    assert str(problem) == "input 'mask' has dtype float32, its spec says uint8"
