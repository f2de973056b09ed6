"""The conformance suite finds what it should: each check has a runner that it must refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from testing.faults import FAULTS, Fault

from carton_runtime.runner_kernels.cancelling import CancelLimits
from carton_runtime.testing.leaks import LeakDetector
from carton_runtime.testing.suites import RunnerSuite

EXAMPLE = Path(__file__).parent / "example_runner"

WITHOUT = [f"-pno:{plugin}" for plugin in ("cacheprovider", "asyncio", "timeout", "nbval", "xdist", "hypothesispytest")]

OF_ITS_AUTHOR = """
import json
from pathlib import Path
from carton_runtime.testing.suites import Behaviour, RunnerSuite

class TestRunner(RunnerSuite):
    runner = Path(__file__).parent / "runner"

    def write_model(self, behaviour, folder):
        (folder / "model.json").write_text(json.dumps({"does": behaviour}))
        return {}
"""


@pytest.fixture
def runner(pytester: pytest.Pytester) -> Path:
    """A copy of the example runner, beside its author's test file."""
    pytester.makepyfile(test_runner=OF_ITS_AUTHOR)
    return Path(shutil.copytree(EXAMPLE, pytester.path / "runner"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience with what does not stop."""
    limits = CancelLimits(told=0.1, interrupted=0.2)
    monkeypatch.setattr("carton_runtime.runner_kernels.kernel.CancelLimits", lambda: limits)
    monkeypatch.setattr(LeakDetector.found, "__defaults__", (0.3,))


def suite(pytester: pytest.Pytester, check: str = "", *arguments: str) -> pytest.RunResult:
    """Run the author's tests, or one of them, as she would: with pytest, and none of our other plugins."""
    chosen = f"test_runner.py::TestRunner::{check}" if check else "test_runner.py"
    return pytester.runpytest_inprocess(*WITHOUT, "-rs", "-x", "--tb=short", *arguments, chosen)


def first_of_each(faults: list[Fault]) -> list[object]:
    """One fault for each check; the others take time, and are for the run with the full counts."""
    firsts = {fault.check: fault for fault in reversed(faults)}
    return [fault if firsts[fault.check] is fault else pytest.param(fault, marks=pytest.mark.soak) for fault in faults]


@pytest.mark.parametrize("fault", first_of_each(FAULTS), ids=lambda fault: f"{fault.check}-{fault.words}")
def test_a_faulty_runner_is_found(pytester: pytest.Pytester, runner: Path, quick: None, fault: Fault) -> None:
    fault.inflict(runner)
    result = suite(pytester, fault.check)
    assert result.parseoutcomes().get("failed", 0) > 0, "the fault was not found"
    assert fault.words in result.stdout.str()


def test_every_check_has_a_fault_to_find() -> None:
    checks = {name for name in dir(RunnerSuite) if name.startswith("test_")}
    assert checks == {fault.check for fault in FAULTS}


def test_what_a_runner_lacks_is_skipped_and_the_report_says_why(pytester: pytest.Pytester, runner: Path) -> None:
    lacks = 'TestRunner.lacks = {Behaviour.NESTED: "there is nothing ragged"}\nTestRunner.dtypes = ["int8"]\n'
    pytester.makepyfile(test_runner=OF_ITS_AUTHOR + lacks)
    suite(pytester, "test_a_nested_tensor_comes_back").assert_outcomes(skipped=1)
    result = suite(pytester, "", "-k", "nested or many_strings or any_order")
    result.assert_outcomes(skipped=2, passed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*takes no string", "*lacks the behaviour 'nested': there is nothing ragged"])


def test_no_runner_may_lack_the_echo(pytester: pytest.Pytester, runner: Path) -> None:
    pytester.makepyfile(test_runner=OF_ITS_AUTHOR + 'TestRunner.lacks = {Behaviour.ECHO: "it is quiet"}\n')
    suite(pytester, "test_a_handle_serves_once").assert_outcomes(passed=1)


def test_a_runner_that_goes_by_several_names_has_to_choose_one(pytester: pytest.Pytester, runner: Path) -> None:
    toml = runner / "runner.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text + text.replace("version = 1\n", "", 1).replace('"example"', '"other"'), encoding="utf-8")
    result = suite(pytester, "test_a_handle_serves_once")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*has the runners * set runner_name to one of them"])
    pytester.makepyfile(test_runner=OF_ITS_AUTHOR + 'TestRunner.runner_name = "other"\n')
    suite(pytester, "test_a_handle_serves_once").assert_outcomes(passed=1)


def test_a_suite_that_writes_no_model_says_so(pytester: pytest.Pytester, runner: Path) -> None:
    pytester.makepyfile(test_runner=OF_ITS_AUTHOR + "del TestRunner.write_model\n")
    result = suite(pytester, "test_a_handle_serves_once")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*TestRunner has to say how a model is written"])
