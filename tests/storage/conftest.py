"""Servers on loopback, and sources that are closed whatever a test does."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from carton_runtime.storage.http.source import HttpSource
from carton_runtime.storage.retrying import Patience
from carton_runtime.testing.range_server import RangeServer

QUICK = Patience(attempts=3, delay=0.001, longest_asked=0.5, connect=5.0, silence=0.3)
"""Little patience, for servers that never get better."""

DATA = os.urandom(1_000_000)

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

        def make(url: str, patience: Patience = QUICK) -> HttpSource:
            source = HttpSource(url, patience)
            stack.push_async_callback(source.aclose)
            return source

        yield make
