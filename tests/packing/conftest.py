"""Models to pack without any Python of theirs: the `noop` runner has no environment to lock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import carton_runtime as carton

Pack = Callable[..., Path]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Packs a folder for the `noop` runner, with the keywords of `pack`."""

    def make(folder: Path, name: str | Path = "packed.carton", **options: Any) -> Path:
        options = {"runner_name": "noop", "required_framework_version": "*"} | options
        return carton.sync.pack(folder, output_path=tmp_path / name, **options)

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a model."""
    path = tmp_path / "model"
    path.mkdir()
    return path
