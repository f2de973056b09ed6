"""Tools that judge the checkout, each run as a person would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
Tool = Callable[..., None]


@pytest.fixture
def tool() -> Tool:
    """Runs a tool of this interpreter's environment in the checkout; fails with what it says."""

    def run(*arguments: str, module: str = "", **variables: str) -> None:
        program = ["-m", module] if module else []
        done = subprocess.run(
            [sys.executable, *program, *arguments],
            cwd=ROOT,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"{' '.join([module, *arguments])} is not content:\n{done.stdout}", pytrace=False)

    return run
