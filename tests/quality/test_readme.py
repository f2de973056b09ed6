"""The README's commands are the ones that are run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from quality.conftest import ROOT

README, CI = ROOT / "README.md", ROOT / ".ci" / "run"


def commands_in(text: str) -> list[str]:
    """The lines of the shell blocks of a Markdown text."""
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture
def commands() -> list[str]:
    return commands_in(README.read_text(encoding="utf-8"))


def test_the_readme_shows_the_two_commands(commands: list[str]) -> None:
    assert [command for command in commands if command.startswith("pip install . ")]
    assert [command for command in commands if re.match(r"pip install '\.\[test\]'.* && pytest", command)]


@pytest.mark.skipif(not CI.exists(), reason="there is no .ci/run")
def test_what_the_machine_runs_is_the_readmes_test_command(commands: list[str]) -> None:
    (command,) = (command for command in commands if "pytest" in command)
    script = CI.read_text(encoding="utf-8")
    assert all(part.strip() in script for part in command.split("&&"))


def test_notebooks_that_the_readme_names_exist(commands: list[str]) -> None:
    named = {name for command in commands for name in re.findall(r"\S+\.ipynb", command)}
    assert named
    assert [name for name in named if not Path(ROOT / name).exists()] == []


def test_commands_are_found_in_shell_blocks_alone() -> None:
    assert commands_in("```sh\n$ one\ntwo\n```\ntext\n```python\nthree\n```\n") == ["one", "two"]
