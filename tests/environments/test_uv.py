"""What uv says, and what of it is passed on."""

from __future__ import annotations

from pathlib import Path

import pytest

from carton_runtime.environments.inspection import Interpreter
from carton_runtime.environments.uv import _listen, run_uv
from carton_runtime.errors import EnvironmentBuildError


def test_an_error_begins_with_what_went_wrong(tmp_path: Path, python: Interpreter) -> None:
    run_uv("venv", "--python", python.path, tmp_path / "home")
    with pytest.raises(EnvironmentBuildError) as caught:
        run_uv("pip", "install", "--offline", "--python", tmp_path / "home/bin/python", "nothing==99", remark="no luck")
    first, second, *_ = str(caught.value).splitlines()
    assert first == "no luck"
    assert "nothing" in second or "solution" in second
    assert "Using Python" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        "Using Python 3.11.7 environment at: home",
        "Using CPython 3.11.7 interpreter at: bin/python",
        "Resolved 3 packages in 2ms",
        "Downloading numpy (17.4MiB)",
        " Downloaded numpy",
        "   Building thing==1.0",
        "      Built thing @ file:///thing.tar.gz",
    ],
)
def test_how_uv_gets_on_is_no_part_of_an_error(said: str) -> None:
    assert _listen([f"{said}\n", "error: full disk\n"], None) == "error: full disk"


@pytest.mark.parametrize("said", ["Building wheel failed: no compiler", "Using Pythons of old", "warning: odd"])
def test_all_else_is(said: str) -> None:
    assert _listen([f"{said}\n"], None) == said
