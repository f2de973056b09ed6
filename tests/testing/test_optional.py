"""What is for tests stays with those who test."""

from __future__ import annotations

import subprocess
import sys

import pytest


def imports(statement: str, *names: str) -> set[str]:
    """Which of the modules `names` a statement takes along."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    return set(done.stdout.split()) & set(names)


def test_the_runtime_takes_neither_its_tests_nor_pytest_along() -> None:
    everything = "import carton_runtime as c\nfor name in c.__all__: getattr(c, name)"
    assert imports(everything, "carton_runtime.model", "carton_runtime.testing", "pytest") == {"carton_runtime.model"}


@pytest.mark.parametrize("room", ["doubles", "leaks"])
def test_doubles_and_probes_need_no_pytest(room: str) -> None:
    assert imports(f"import carton_runtime.testing.{room}", "pytest") == set()


def test_an_import_of_pytest_would_be_found() -> None:
    assert imports("import carton_runtime.testing.suites", "pytest") == {"pytest"}
