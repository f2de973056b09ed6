"""Every test of the panel proves that it left nothing behind."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _leaves_nothing(nothing_left: object) -> None:
    """See `carton_runtime.testing.plugin`."""
