"""Cartons that are opened and not run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_links import PICTURE, WEIGHTS

from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.opening import open_carton
from carton_runtime.settings import Settings


@pytest.fixture
def opened() -> Callable[[Path | str], CartonFiles]:
    """Opens a carton."""
    return lambda location: asyncio.run(open_carton(location, Settings.load()))


@pytest.fixture
def whole(pack_noop: Callable[..., Path]) -> Path:
    """A carton with weights and a little more."""
    return pack_noop({"weights": WEIGHTS, "more": b"more"}, misc_files={"picture": PICTURE})
