"""What is committed says nothing of the machine that it was made on."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from quality.conftest import ROOT

MACHINE = re.compile(r"(?<![\w.}~-])/(?:root|tmp|home/\w+|Users/\w+|opt/\w+|work)/[\w.-]|~/\.pyenv/\S")
"""Folders that are of one machine or one person."""

ALLOWED: dict[str, str] = {}
"""The file, and why it may hold such a path."""


def machine_paths(text: str) -> list[str]:
    """The paths of some machine, each with a few letters around it."""
    return [text[max(0, found.start() - 30) : found.end() + 30] for found in MACHINE.finditer(text)]


def committed() -> list[str]:
    """The files that git knows of; without any, the test that asks is skipped."""
    git = shutil.which("git") or pytest.skip("there is no git")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def text_of(name: str) -> str:
    """What is in a file; nothing if it is no text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_committed_file_holds_paths_of_a_machine() -> None:
    found = {name: machine_paths(text_of(name)) for name in committed() if name not in ALLOWED}
    assert {name: paths for name, paths in found.items() if paths} == {}


def test_what_is_allowed_is_needed() -> None:
    assert [name for name in ALLOWED if not machine_paths(text_of(name))] == []


@pytest.mark.parametrize("start", ["root", "tmp", "home/jo", "Users/jo", "work"])
def test_such_a_path_would_be_found(start: str) -> None:
    path = f"/{start}/x.carton"
    assert machine_paths(f"\"PosixPath('{path}')\"")
    assert machine_paths(f"in {path}, line 3")


@pytest.mark.parametrize("text", ["https://example.com/home/jo/x", "a/tmp/b", "{folder}/tmp/x", "/usr/bin/env"])
def test_other_paths_would_not(text: str) -> None:
    assert machine_paths(text) == []
