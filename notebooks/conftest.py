"""What the notebooks are run with when their outputs are compared."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """Start kernels without progress bars: whether there is one depends on what this machine has built before."""
    # A hook, because a notebook's cells take no fixtures.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARTON_PROGRESS", "off")
        return (yield)
