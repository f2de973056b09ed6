"""How often to do a thing: a few times whenever the tests run, and as often as promised behind the marker `soak`."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _leaves_nothing(nothing_left: object) -> None:
    """See `carton_runtime.testing.plugin`."""
