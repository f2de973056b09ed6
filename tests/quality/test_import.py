"""`import carton_runtime` is quick: it takes nothing heavy along."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "asyncio",
    "numpy",
    "uv",
    "packaging",
    "httpx",
    "semver",
    "tomllib",
    "socket",
    "subprocess",
    "importlib.metadata",
)
OURS = ("carton_runtime.runner_kernels", "carton_runtime.environments", "carton_runtime.format", "carton_runtime.model")


def imported_by(statement: str) -> set[str]:
    """The modules that a statement takes along, over those of an interpreter that does nothing."""
    code = f"""
import sys, json
before = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("more", ["", "; carton_runtime.__version__", "; dir(carton_runtime)"])
def test_importing_the_package_imports_nothing_heavy(more: str) -> None:
    found = imported_by(f"import carton_runtime{more}")
    assert "carton_runtime" in found
    assert found.isdisjoint({*HEAVY, *OURS})


def test_importing_the_package_imports_little_at_all() -> None:
    assert len(imported_by("import carton_runtime")) < 40


def test_what_is_heavy_would_be_found() -> None:
    assert {"asyncio", "numpy"} <= imported_by("import carton_runtime; carton_runtime.load")


def test_every_name_of_the_front_door_opens() -> None:
    code = "import carton_runtime as c; [getattr(c, name) for name in c.__all__]; print(len(c.__all__))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert int(done.stdout) > 20


def test_the_front_door_has_no_other_name() -> None:
    import carton_runtime

    with pytest.raises(AttributeError, match="module 'carton_runtime' has no attribute 'nothing'"):
        carton_runtime.nothing  # noqa: B018  asking is the test


def test_every_exported_name_has_a_home() -> None:
    import carton_runtime

    homes = {*carton_runtime._HOMES, *carton_runtime._MODULES, "__version__"}
    homeless = set(carton_runtime.__all__) - homes
    assert homeless == set()
    assert set(carton_runtime._HOMES) <= set(carton_runtime.__all__)


@pytest.mark.parametrize("module", ["carton_jupyter", "carton_jupyter.panel", "carton_jupyter.extension"])
def test_the_extension_takes_no_widgets_along_before_there_is_one_to_show(module: str) -> None:
    assert imported_by(f"import {module}").isdisjoint({"anywidget", "ipywidgets", "PIL"})


def test_the_widget_is_there_when_it_is_asked_for() -> None:
    assert "anywidget" in imported_by("from carton_jupyter.panel import CartonPanel")
