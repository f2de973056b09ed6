"""Run a carton's self tests and compare what comes out with what should."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.values import Tensor, dtype_name
from carton_runtime.errors import CartonError
from carton_runtime.format.document import SelfTest
from carton_runtime.lazy import LazyTensor

Infer = Callable[[Mapping[str, Tensor]], Awaitable[Mapping[str, Tensor]]]


@dataclass(frozen=True)
class Tolerance:
    """How far apart two values may be, as in numpy.allclose.

    Namely ``abs(actual - expected) <= absolute + relative * abs(expected)``.
    """

    relative: float
    absolute: float

    def __str__(self) -> str:
        return f"{self.relative:g}" if self.relative else "exact"


_EXACT = Tolerance(0, 0)
_TOLERANCES = {"float32": Tolerance(1e-5, 1e-6), "float64": Tolerance(1e-5, 1e-8)}


@dataclass(frozen=True)
class OutputComparison:
    """One output of one self test.

    Attributes:
        name: the output's name.
        passed: whether it is what was expected.
        tolerance: how far apart values may be.
        absolute_error: the largest difference; 0 for strings that are equal, NaN where nothing can be subtracted.
        relative_error: the largest difference relative to what was expected there.
        message: why it did not pass; empty when it did.
    """

    name: str
    passed: bool
    tolerance: Tolerance
    absolute_error: float
    relative_error: float
    message: str = ""


@dataclass(frozen=True)
class SelfTestResult:
    """One self test.

    Attributes:
        name: its name, or its number.
        passed: whether it ran, and all outputs are what was expected.
        outputs: the comparisons; none for a test that only has to run.
        seconds: how long the model took.
        error: what went wrong, when it did not run.
    """

    name: str
    passed: bool
    outputs: tuple[OutputComparison, ...]
    seconds: float
    error: CartonError | None = None

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        lines = [f"{self.name}: {verdict} in {self.seconds * 1000:.1f} ms"]
        if self.error is not None:
            lines.append(f"  {self.error}")
        for output in self.outputs:
            errors = f"largest error {output.absolute_error:.3g} (relative {output.relative_error:.3g})"
            told = output.message or f"{errors}, tolerance {output.tolerance}"
            lines.append(f"  {output.name}: {told}")
        return "\n".join(lines)


@dataclass(frozen=True)
class SelfTestReport(Sequence[SelfTestResult]):
    """All self tests of a carton, in order."""

    results: tuple[SelfTestResult, ...]

    @property
    def passed(self) -> bool:
        """Whether all passed."""
        return all(result.passed for result in self.results)

    def __getitem__(self, index: Any) -> Any:
        return self.results[index]

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        good = sum(result.passed for result in self.results)
        return "\n".join([f"{good} of {len(self.results)} self tests pass", *map(str, self.results)])


async def run_self_tests(tests: Sequence[SelfTest[LazyTensor]], infer: Infer) -> SelfTestReport:
    """Run each test with `infer`; a test that fails stops no other."""
    return SelfTestReport(tuple([await _run(test, number, infer) for number, test in enumerate(tests, 1)]))


async def _run(test: SelfTest[LazyTensor], number: int, infer: Infer) -> SelfTestResult:
    name = test.name or f"self test {number}"
    start = time.perf_counter()
    try:
        inputs = {key: await tensor.get() for key, tensor in test.inputs.items()}
        expected = {key: await tensor.get() for key, tensor in (test.expected_out or {}).items()}
        start = time.perf_counter()
        actual = await infer(inputs)
    except CartonError as error:
        return SelfTestResult(name, False, (), time.perf_counter() - start, error)
    seconds = time.perf_counter() - start
    outputs = tuple(compare(key, tensor, actual.get(key)) for key, tensor in expected.items())
    return SelfTestResult(name, all(output.passed for output in outputs), outputs, seconds)


def compare(name: str, expected: Tensor, actual: Tensor | None) -> OutputComparison:
    """Compare one output with what it should be."""
    tolerance = _TOLERANCES.get(dtype_name(expected.dtype), _EXACT)
    mismatch = _mismatch(expected, actual)
    if mismatch or actual is None:
        return OutputComparison(name, False, tolerance, np.nan, np.nan, mismatch)
    if expected.dtype.kind == "U":
        return _compare_strings(name, _flat(expected), _flat(actual))
    return _compare_numbers(name, _flat(expected), _flat(actual), tolerance)


def _mismatch(expected: Tensor, actual: Tensor | None) -> str:
    if actual is None:
        return "the model did not return it"
    if dtype_name(expected.dtype) != dtype_name(actual.dtype):
        return f"is {dtype_name(actual.dtype)}, expected {dtype_name(expected.dtype)}"
    if _shapes(expected) != _shapes(actual):
        return f"has shape {list(actual.shape)}, expected {list(expected.shape)}"
    return ""


def _shapes(tensor: Tensor) -> list[tuple[int, ...]]:
    return [array.shape for array in tensor] if isinstance(tensor, NestedTensor) else [tensor.shape]


def _flat(tensor: Tensor) -> np.ndarray[Any, Any]:
    if isinstance(tensor, NestedTensor):
        return np.concatenate([array.reshape(-1) for array in tensor])
    return tensor.reshape(-1)


def _compare_strings(name: str, expected: np.ndarray[Any, Any], actual: np.ndarray[Any, Any]) -> OutputComparison:
    different = np.flatnonzero(expected != actual)
    if not different.size:
        return OutputComparison(name, True, _EXACT, 0.0, 0.0)
    found, wanted = str(actual[different[0]]), str(expected[different[0]])
    message = f"{different.size} of {expected.size} strings differ, first {found!r} for {wanted!r}"
    return OutputComparison(name, False, _EXACT, np.nan, np.nan, message)


def _compare_numbers(
    name: str, expected: np.ndarray[Any, Any], actual: np.ndarray[Any, Any], tolerance: Tolerance
) -> OutputComparison:
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    with np.errstate(all="ignore"):
        # In float64 an int64 may lose its last digits; whether it is the same was decided above.
        difference = np.where(same, 0.0, np.abs(actual.astype(np.float64) - expected.astype(np.float64)))
        relative = np.where(same, 0.0, difference / np.abs(expected.astype(np.float64)))
        within = same | (difference <= tolerance.absolute + tolerance.relative * np.abs(expected.astype(np.float64)))
    within &= same | np.isfinite(difference)
    within = same if tolerance == _EXACT else within
    absolute_error, relative_error = (float(np.max(errors, initial=0.0)) for errors in (difference, relative))
    wrong = int(np.count_nonzero(~within))
    message = (
        ""
        if not wrong
        else (
            f"{wrong} of {expected.size} values differ; largest error {absolute_error:.3g} "
            f"(relative {relative_error:.3g}), tolerance {tolerance}"
        )
    )
    return OutputComparison(name, not wrong, tolerance, absolute_error, relative_error, message)
