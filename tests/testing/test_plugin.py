"""The leak probes as fixtures: a test that leaves something behind fails, and one that does not passes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

LEAKING = """
import tempfile

def test_leaves_a_file(nothing_left):
    tempfile.mkdtemp(prefix="left-behind")

def test_leaves_nothing(nothing_left):
    with tempfile.TemporaryDirectory():
        pass
"""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time for what is about to end."""
    monkeypatch.setattr("carton_runtime.testing.leaks.LeakDetector.found.__defaults__", (0.0,))


def test_a_test_that_leaves_something_fails_and_says_what(pytester: pytest.Pytester, impatient: None) -> None:
    pytester.makepyfile(LEAKING)
    result = pytester.runpytest_inprocess("-pcarton_runtime.testing.plugin", "-pno:asyncio", "-pno:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*the test left something behind:", "*file left-behind*", "ERROR *leaves_a_file*"])


def test_temporary_files_of_a_test_are_in_a_folder_of_its_own(temporary: Path) -> None:
    with tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).parent == temporary
