"""Servers that misbehave: what is put right, and what the error says where nothing can be."""

from __future__ import annotations

import re
import socket
from dataclasses import replace

import pytest
from storage.conftest import DATA, QUICK, OpenUrl, policy_with
from storage.test_http import FAR, part, ranges

from carton_runtime.errors import StorageError
from carton_runtime.storage.remote import TAIL
from carton_runtime.testing.range_server import Faults, RangeServer

RANGE = r"http://127\.0\.0\.1:\d+/data \(bytes 1000-500999\)"
LOOK = rf"http://127\.0\.0\.1:\d+/data(?: \(the last {TAIL} bytes\))?"

PASSING = {
    "hangs up at once": Faults(close_after=0, times=2),
    "hangs up early": Faults(close_after=100_000, times=3),
    "sends nothing": Faults(mute=True, times=1),
    "falls silent": Faults(stall_after=70_000, times=2),
    "talks nonsense": Faults(garbage=True, times=2),
    "is broken": Faults(statuses=(500, 502)),
    "is overloaded": Faults(statuses=(503, 429), retry_after="0"),
    "is slow": Faults(statuses=(408,)),
}

FOR_GOOD = {
    "hangs up": (Faults(close_after=10), "the connection broke .*; tried 3 times"),
    "falls silent": (Faults(stall_after=10), "the server fell silent in time; tried 3 times"),
    "talks nonsense": (Faults(garbage=True), "the connection broke .*; tried 3 times"),
    "is broken": (Faults(statuses=(500,) * 9), r"the server cannot at the moment \(status 500\); tried 3 times"),
    "is overloaded": (
        Faults(statuses=(429,) * 9, retry_after="3600"),
        r"the server cannot at the moment \(status 429\); try again in 3600 seconds",
    ),
    "has lost it": (Faults(statuses=(404,) * 9), r"the server has nothing there \(status 404\)"),
    "has given it up": (Faults(statuses=(410,) * 9), r"the server has nothing there any more \(status 410\)"),
    "wants a password": (Faults(user="a:b"), r"the server asks for a user and password.* \(status 401\)"),
    "forbids it": (
        Faults(statuses=(403,) * 9),
        r"the server does not allow it; a link that was signed may have expired",
    ),
    "is a teapot": (Faults(statuses=(418,) * 9), r"the server will not give it \(status 418\)"),
    "compresses": (Faults(encoding="gzip"), r"the server compressed the bytes \(gzip\) although it was asked not to"),
    "says it compresses": (Faults(encoding="br"), r"the server compressed the bytes \(br\)"),
    "announces too much": (Faults(length_off=10), r"the server announces \d+ bytes for a range of \d+"),
    "announces too little": (Faults(length_off=-10), r"the server announces \d+ bytes for a range of \d+"),
    "does not say the part": (Faults(headers={"Content-Range": "bytes"}), "the server does not .*say"),
    "sends crumbs": (Faults(most=1000), "the server sends no more than 1000 bytes"),
}

BESIDE = {
    "before": Faults(shift=-10),
    "behind": Faults(shift=10),
    "of a larger file": Faults(total=len(DATA) + 1),
    "of a smaller file": Faults(total=len(DATA) - 1),
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
async def test_what_passes_is_waited_for_at_the_first_look(
    server: RangeServer, open_url: OpenUrl, faults: Faults
) -> None:
    source = open_url(server.serve("data", DATA, faults), replace(policy_with(faults), attempts=5))
    assert await source.size() == len(DATA)
    assert await source.read(*FAR) == part(FAR)


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
async def test_what_passes_is_waited_for_while_reading(server: RangeServer, open_url: OpenUrl, faults: Faults) -> None:
    source = open_url(server.serve("data", DATA), replace(policy_with(faults), attempts=5))
    await source.size()
    server.serve("data", DATA, faults)
    assert await source.read(*FAR) == part(FAR)
    assert len(server.requests("data")) > 1, "otherwise nothing went wrong"


@pytest.mark.parametrize(("faults", "says"), FOR_GOOD.values(), ids=FOR_GOOD)
async def test_what_does_not_pass_is_an_error_at_the_first_look(
    server: RangeServer, open_url: OpenUrl, faults: Faults, says: str
) -> None:
    source = open_url(server.serve("data", DATA, faults), policy_with(faults))
    with pytest.raises(StorageError, match=f"^{LOOK}.*: {says}"):
        await source.size()
    assert len(server.requests("data")) <= QUICK.attempts


@pytest.mark.parametrize(("faults", "says"), FOR_GOOD.values(), ids=FOR_GOOD)
async def test_what_does_not_pass_is_an_error_while_reading(
    server: RangeServer, open_url: OpenUrl, faults: Faults, says: str
) -> None:
    source = open_url(server.serve("data", DATA), policy_with(faults))
    await source.size()
    server.serve("data", DATA, faults)
    with pytest.raises(StorageError, match=f"^{RANGE}: {says}"):
        await source.read(*FAR)
    assert len(server.requests("data")) <= QUICK.attempts


async def test_a_request_that_is_not_answered_is_an_error(server: RangeServer, open_url: OpenUrl) -> None:
    mute = Faults(mute=True)
    source = open_url(server.serve("data", DATA, mute), policy_with(mute))
    with pytest.raises(StorageError, match=f"^{LOOK}: the server fell silent in time; tried 3 times"):
        await source.size()


@pytest.mark.parametrize("faults", BESIDE.values(), ids=BESIDE)
async def test_other_bytes_than_asked_for_are_refused(server: RangeServer, open_url: OpenUrl, faults: Faults) -> None:
    source = open_url(server.serve("data", DATA))
    await source.size()
    server.serve("data", DATA, faults)
    with pytest.raises(StorageError, match=f"^{RANGE}: the server sends bytes|changed while it was read"):
        await source.read(*FAR)


@pytest.mark.parametrize("faults", [Faults(shift=-10), Faults(shift=10), Faults(total=len(DATA) + 1)])
async def test_other_bytes_than_the_last_are_refused(server: RangeServer, open_url: OpenUrl, faults: Faults) -> None:
    with pytest.raises(StorageError, match=r"/data \(bytes .*\): the server sends "):
        await open_url(server.serve("data", DATA, faults)).size()


async def test_more_than_was_announced_is_refused(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    await source.size()
    server.serve("data", DATA, Faults(chunked=True, headers={"Content-Range": f"bytes 1000-100999/{len(DATA)}"}))
    with pytest.raises(StorageError, match=f"^{RANGE}: the server sends more than the 100000 bytes that it announced"):
        await source.read(*FAR)


async def test_less_than_was_announced_is_asked_for_again(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    await source.size()
    announced = {"Content-Range": f"bytes 1000-500999/{len(DATA)}"}
    server.serve("data", DATA, Faults(chunked=True, most=100_000, headers=announced, times=1))
    assert await source.read(*FAR) == part(FAR)
    assert ranges(server) == ["bytes=1000-500999", "bytes=101000-500999"]


async def test_a_download_goes_on_where_it_broke_off(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    await source.size()
    server.serve("data", DATA, Faults(close_after=100_000, times=2))
    assert b"".join([piece async for piece in source.stream(*FAR)]) == part(FAR)
    assert ranges(server) == ["bytes=1000-500999", "bytes=101000-500999", "bytes=201000-500999"]


async def test_a_download_that_goes_on_breaking_off_arrives_if_it_gets_on(
    server: RangeServer, open_url: OpenUrl
) -> None:
    source = open_url(server.serve("data", DATA), replace(QUICK, attempts=2, progress=100_000))
    await source.size()
    server.serve("data", DATA, Faults(close_after=100_000))
    assert await source.read(*FAR) == part(FAR)
    assert len(server.requests("data")) == 5


async def test_a_file_that_changes_while_it_is_taken_up_again_is_noticed(
    server: RangeServer, open_url: OpenUrl
) -> None:
    source = open_url(server.serve("data", DATA))
    await source.size()
    server.serve("data", DATA, Faults(close_after=100_000, change_after=1))
    with pytest.raises(StorageError, match="changed while it was read"):
        await source.read(*FAR)


async def test_a_file_that_is_taken_whole_is_taken_again_when_it_breaks_off(
    server: RangeServer, open_url: OpenUrl
) -> None:
    url = server.serve("data", DATA, Faults(ignore_ranges=True, close_after=100_000))
    with pytest.raises(StorageError, match="tried 3 times"):
        await open_url(url).size()
    source = open_url(server.serve("data", DATA[:TAIL], Faults(ignore_ranges=True, close_after=100, times=2)))
    assert await source.read(0, TAIL) == DATA[:TAIL]


async def test_a_file_that_is_taken_whole_again_may_break_off_as_well(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA, Faults(ignore_ranges=True)))
    await source.size()
    await source.aclose()
    server.serve("data", DATA, Faults(statuses=(500, 500), ignore_ranges=True))
    assert await source.read(*FAR) == part(FAR)
    assert len(server.requests("data")) == 3
    await source.aclose()
    server.serve("data", DATA[::-1], Faults(ignore_ranges=True, change_after=0))
    with pytest.raises(StorageError, match="/data changed while it was read; start again"):
        await source.read(*FAR)


async def test_a_server_that_stops_giving_ranges_is_an_error(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    await source.size()
    server.serve("data", DATA, Faults(ignore_ranges=True))
    with pytest.raises(StorageError, match=f"^{RANGE}: the server sends the whole file instead of a range; tried 3"):
        await source.read(*FAR)


async def test_nobody_there_is_said_to_be_so(open_url: OpenUrl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(StorageError, match=rf"127.0.0.1:{port}/data: the server cannot be reached .*; tried 3 times"):
        await open_url(f"http://127.0.0.1:{port}/data").size()


async def test_a_host_that_nobody_knows_is_said_to_be_so(open_url: OpenUrl) -> None:
    with pytest.raises(StorageError, match=r"http://nobody\.invalid/data: the server cannot be reached"):
        await open_url("http://nobody.invalid/data").size()


NO_URLS = ["http://", "http:///data", "http://[::1/data", "http://host:99999/", "http://h/\x7f", "http://xn--/"]


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_is_refused(open_url: OpenUrl, url: str) -> None:
    with pytest.raises(StorageError, match=re.compile("is no URL")):
        open_url(url)
