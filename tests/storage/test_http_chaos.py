"""Servers that do anything, and callers that give up at any moment."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from storage.conftest import DATA, QUICK, OpenUrl
from storage.test_http import part
from storage.test_http_faults import BESIDE, FOR_GOOD, PASSING

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import Span
from carton_runtime.testing.range_server import Faults, RangeServer

EVERY_FAULT = [
    *PASSING.values(),
    *(faults for faults, _ in FOR_GOOD.values()),
    *BESIDE.values(),
    Faults(ignore_ranges=True),
    Faults(ignore_suffixes=True),
    Faults(most=100_000),
    Faults(chunked=True),
    Faults(etag="none"),
    Faults(change_after=1),
]
CHANGED = bytes(255 - byte for byte in DATA)
BRISK = replace(QUICK, attempts=2, silence=0.1)


def drawn(chance: random.Random) -> Faults:
    return replace(chance.choice(EVERY_FAULT), times=chance.choice([1, 2, None]))


def span(chance: random.Random) -> Span:
    start = chance.randrange(len(DATA))
    return Span(start, chance.randrange(len(DATA) - start))


def those_with(versions: list[bytes], spans: list[Span], pieces: list[bytes]) -> list[bytes]:
    return [data for data in versions if [data[span.start : span.stop] for span in spans] == pieces]


async def right_or_an_error(server: RangeServer, open_url: OpenUrl, chance: random.Random) -> bool:
    """Reads from a server that changes its ways; whether anything came, and all of it of one version."""
    came = False
    source = open_url(server.serve("data", DATA, drawn(chance)), BRISK)
    # On a machine that is busy the first attempt may fall silent, and a file change before another one sees it
    versions = [DATA, CHANGED]
    for _ in range(3):
        spans = [span(chance) for _ in range(chance.randint(1, 4))]
        try:
            versions = those_with(versions, spans, await source.read_ranges(spans))
            streamed = b"".join([piece async for piece in source.stream(*spans[0])])
            versions = those_with(versions, spans[:1], [streamed])
            came = True
        except StorageError:
            pass
        assert versions, "what came is of no version, or of two"
        server.serve("data", DATA, drawn(chance))
    await source.aclose()
    return came


@pytest.mark.parametrize("rounds", [40, pytest.param(2000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
async def test_whatever_a_server_does_what_comes_is_right(
    server: RangeServer, open_url: OpenUrl, nothing_left: object, rounds: int
) -> None:
    chance = random.Random(rounds)
    came = [await right_or_an_error(server, open_url, chance) for _ in range(rounds)]
    assert any(came)
    assert not all(came)


@pytest.mark.parametrize("rounds", [60, pytest.param(3000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
async def test_a_read_that_is_given_up_at_any_moment_leaves_nothing(
    server: RangeServer, open_url: OpenUrl, nothing_left: object, rounds: int
) -> None:
    chance = random.Random(rounds)
    source = open_url(server.serve("data", DATA))
    given_up = 0
    for _ in range(rounds):
        task = asyncio.create_task(source.read_ranges([span(chance), span(chance)]))
        await asyncio.sleep(chance.uniform(0, 0.01))
        given_up += task.cancel()
        await asyncio.wait([task])
    assert 0 < given_up <= rounds
    wanted = span(chance)
    assert await source.read(*wanted) == part(wanted)
    await source.aclose()
