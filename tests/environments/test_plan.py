"""Decisions about environments."""

from __future__ import annotations

from pathlib import Path

import pytest

from carton_runtime.environments.interpreters import Interpreter
from carton_runtime.environments.plan import environment_digest, python_minors, with_numpy
from carton_runtime.format.versionreq import VersionReq

PYTHON = Interpreter(Path("/usr/bin/python3.10"), "3.10.13")


@pytest.mark.parametrize(
    ("requirement", "minors"),
    [
        ("=3.10", ("3.10",)),
        ("=3.10.13", ("3.10",)),
        (">=3.9, <3.12", ("3.9", "3.10", "3.11")),
        ("~3.8.5", ("3.8",)),
        ("*", ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")),
        ("=2.7", ()),
    ],
)
def test_a_range_names_the_minor_versions_that_have_a_release_inside(requirement: str, minors: tuple[str, ...]) -> None:
    assert python_minors(VersionReq(requirement)) == minors


@pytest.mark.parametrize(
    "requirements",
    [
        "numpy",
        "NumPy >= 1.20  # arrays",
        "requests\nnumpy==1.24.4 --hash=sha256:00\n",
        "numpy[extra]<3",
        "numpy @ https://example.com/numpy-1.0-py3-none-any.whl",
        "./wheels/numpy-1.26.4-cp310-cp310-linux_x86_64.whl",
        "-e git+https://example.com/x.git#egg=numpy",
        "numpy==1.24.4 \\\n    --hash=sha256:00",
    ],
)
def test_numpy_is_not_added_where_a_line_requires_it(requirements: str) -> None:
    assert with_numpy(requirements) == requirements


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        ("", "numpy\n"),
        ("# numpy", "# numpy\nnumpy\n"),
        ("requests", "requests\nnumpy\n"),
        ("numpydoc\n", "numpydoc\nnumpy\n"),
        ("-r more.txt\n--index-url https://example.com\n\n", "-r more.txt\n--index-url https://example.com\n\nnumpy\n"),
        ("numpy; sys_platform == 'win32'\n", "numpy; sys_platform == 'win32'\nnumpy\n"),
        ("-e ./numpy\n", "-e ./numpy\nnumpy\n"),
    ],
)
def test_numpy_is_added_where_no_line_requires_it(requirements: str, expected: str) -> None:
    assert with_numpy(requirements) == expected


def test_a_digest_depends_on_the_lock_the_interpreter_and_the_platform() -> None:
    digests = {
        environment_digest(b"lock", PYTHON, "linux-x86_64"),
        environment_digest(b"another", PYTHON, "linux-x86_64"),
        environment_digest(b"lock", PYTHON, "macosx-14-arm64"),
        environment_digest(b"lock", Interpreter(PYTHON.path, "3.10.14"), "linux-x86_64"),
        environment_digest(b"lock", Interpreter(Path("/opt/python"), "3.10.13"), "linux-x86_64"),
    }
    assert len(digests) == 5
    assert environment_digest(b"lock", PYTHON, "linux-x86_64") in digests


def test_parts_of_a_digest_do_not_run_into_each_other() -> None:
    first, second = Interpreter(Path("/a"), "3.10.13"), Interpreter(Path("/a3"), ".10.13")
    assert environment_digest(b"", first, "x") != environment_digest(b"", second, "x")
