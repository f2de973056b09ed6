"""What the notebooks are run with when their outputs are compared."""

from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    """Start kernels without progress bars and proxies.

    Whether there is a bar depends on what this machine has built before; and servers on loopback are reached directly.
    """
    # A hook, because a notebook's cells take no fixtures.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CARTON_PROGRESS", "off")
        patch.setenv("NO_PROXY", "*")
        return (yield)
