"""Folders of our own in place of the user's, so that no test reads or writes ``~/.carton``."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

_OF_OURS = ("CARTON_CACHE_DIR", "CARTON_RUNNER_DATA_DIR", "CARTON_RUNNER_DIR", "CARTON_CONFIG_PATH")


@pytest.fixture(scope="session")
def runner_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where environments are built: one place for all tests, so that each environment is built once."""
    return tmp_path_factory.mktemp("runner-data")


@pytest.fixture(scope="session", autouse=True)
def session_folders(tmp_path_factory: pytest.TempPathFactory, runner_data_dir: Path) -> Iterator[Path]:
    """The folders that models of a whole module or session are loaded with."""
    root = tmp_path_factory.mktemp("session")
    with pytest.MonkeyPatch.context() as patch:
        for variable in _OF_OURS:
            patch.delenv(variable, raising=False)
        patch.setenv("CARTON_CACHE_DIR", str(root / "cache"))
        patch.setenv("CARTON_RUNNER_DATA_DIR", str(runner_data_dir))
        patch.setenv("CARTON_RUNNER_DIR", str(root / "runners"))
        yield root


@pytest.fixture(scope="session")
def _cache_numbers() -> Iterator[int]:
    return itertools.count()


@pytest.fixture(autouse=True)
def cache_dir(session_folders: Path, _cache_numbers: Iterator[int], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of this one test; it does not exist until something is put there."""
    folder = session_folders / f"cache-{next(_cache_numbers)}"
    monkeypatch.setenv("CARTON_CACHE_DIR", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def home_untouched() -> Iterator[None]:
    """Proves at the end that nothing appeared in ``~/.carton``."""
    home = Path("~/.carton").expanduser()
    before = _listing(home)
    yield
    assert _listing(home) == before, f"a test wrote to {home}"


def _listing(folder: Path) -> set[str]:
    return {os.path.join(top, name) for top, folders, files in os.walk(folder) for name in [*folders, *files]}  # noqa: PTH118
