"""Servers on loopback, and sources that are closed whatever a test does."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from carton_runtime.storage.http.source import HttpSource
from carton_runtime.storage.retrying import RetryPolicy
from carton_runtime.testing.range_server import Faults, RangeServer

QUICK = RetryPolicy(attempts=3, delay=0.001, longest_asked=0.5, connect=10.0, silence=10.0)
"""Little patience, for servers that never get better; enough of it for a machine that is busy."""

DATA = os.urandom(1_000_000)


def policy_with(faults: Faults) -> RetryPolicy:
    """As little patience as a server with these faults deserves: nobody wants to wait until silence is one."""
    is_silent = faults.mute or faults.stall_after is not None
    return replace(QUICK, silence=0.3) if is_silent else QUICK


OpenUrl = Callable[..., HttpSource]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached without a proxy, whatever this machine has."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server(no_proxy: None) -> Iterator[RangeServer]:
    """A server that misbehaves as it is told."""
    with RangeServer() as server:
        yield server


@pytest.fixture
async def open_url() -> AsyncIterator[OpenUrl]:
    """Makes sources of URLs."""
    async with AsyncExitStack() as stack:

        def make(url: str, policy: RetryPolicy = QUICK) -> HttpSource:
            source = HttpSource(url, policy)
            stack.push_async_callback(source.aclose)
            return source

        yield make
