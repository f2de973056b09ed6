"""What is built of the checkout holds what it needs to run, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from quality.conftest import ROOT

NEEDED = {
    "carton_runtime/__init__.py",
    "carton_runtime/py.typed",
    "carton_runtime/_child/__main__.py",
    "carton_runtime/_child/carton_wire/frames.py",
    "carton_runtime/_child/carton_runner/serve.py",
    "carton_runtime/_runners/python/main.py",
    "carton_runtime/_runners/python/runner.toml",
    "carton_runtime/_runners/noop/main.py",
    "carton_runtime/_runners/noop/runner.toml",
    "carton_jupyter/__init__.py",
    "carton_jupyter/panel/static/panel.css",
    "carton_jupyter/panel/static/panel.js",
    "carton_jupyter/py.typed",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, so that building leaves nothing in the checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    folder = tmp_path_factory.mktemp("checkout")
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a source distribution, and of a wheel that was built of nothing but that, without Node."""
    output = tmp_path_factory.mktemp("built")
    programs = str(Path(sys.executable).parent)
    assert shutil.which("node", path=programs) is None
    command = [sys.executable, "-m", "uv", "build", "--python", sys.executable, "--out-dir", str(output), str(checkout)]
    variables = {**os.environ, "PATH": programs}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def wheel(built: Path) -> set[str]:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_runners_and_the_child(wheel: set[str]) -> None:
    assert NEEDED - wheel == set()


def test_the_wheel_holds_every_module(wheel: set[str], checkout: Path) -> None:
    folders = (checkout / "carton_runtime", checkout / "carton_jupyter")
    modules = {str(path.relative_to(checkout)) for folder in folders for path in folder.rglob("*.py")}
    assert modules - wheel == set()


def test_the_wheel_puts_only_our_packages_in_site_packages(wheel: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith((".dist-info", ".data"))} == {"carton_runtime", "carton_jupyter"}


def test_the_sdist_holds_all_that_the_wheel_is_built_of(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = {name.replace("carton_runtime/_runners", "runners") for name in NEEDED}
    assert sources | {"pyproject.toml", "README.md", "LICENSE"} <= names
