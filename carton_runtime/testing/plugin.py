"""The leak probes as pytest fixtures: ``pytest_plugins = ["carton_runtime.testing.plugin"]`` in a ``conftest.py``."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from carton_runtime.testing.leaks import LeakDetector


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the system's folder of temporary files, here and in started processes."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def nothing_left(temporary: Path) -> Iterator[LeakDetector]:
    """Fails the test when it leaves something behind."""
    detector = LeakDetector(temporary)
    yield detector
    if left := detector.found():
        pytest.fail("the test left something behind:\n" + "\n".join(left))
