"""A place in which to open what means harm, and in which every trace of it is seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A folder with everything that a process of ours would write to: home, temporary files, current folder, cache."""
    made = Sandbox.make(tmp_path / "sandbox")
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("TMPDIR", str(made.temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("CARTON_CACHE_DIR", str(made.cache))
    monkeypatch.chdir(made.current)
    return made
