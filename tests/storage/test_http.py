"""A file on a web server: ranges, versions, and what is asked for."""

from __future__ import annotations

import asyncio
import resource
from contextlib import aclosing
from pathlib import Path

import pytest
from storage.conftest import DATA, OpenUrl

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Span
from carton_runtime.storage.http import whole
from carton_runtime.storage.remote import TAIL
from carton_runtime.testing.range_server import Faults, RangeServer

FAR = Span(1000, 500_000)
"""A range that the first look does not bring along."""


def part(span: Span) -> bytes:
    return DATA[span.start : span.stop]


def ranges(server: RangeServer, name: str = "data") -> list[str]:
    return [request.headers.get("range", "") for request in server.requests(name)]


async def test_the_first_request_brings_size_version_and_tail(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    assert await source.size() == len(DATA)
    assert await source.identity() == await open_url(server.serve("data", DATA)).identity()
    assert await source.read(len(DATA) - TAIL, TAIL) == DATA[-TAIL:]
    assert await source.read(len(DATA) - 10, 5) == DATA[-10:-5]
    assert ranges(server) == [f"bytes=-{TAIL}"]


async def test_ranges_are_read_exactly(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    edge = len(DATA) - TAIL
    for span in (Span(0, 1), FAR, Span(0, len(DATA)), Span(edge - 5, 10), Span(edge - 5, 5), Span(7, 0)):
        assert await source.read(*span) == part(span)
    assert await source.read(len(DATA), 0) == b""


async def test_only_what_is_not_there_is_asked_for(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    edge = len(DATA) - TAIL
    await source.read(edge - 5, 100)
    assert ranges(server)[1:] == [f"bytes={edge - 5}-{edge - 1}"]


async def test_ranges_near_each_other_come_in_one_request(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    spans = [
        Span(50_000, 100),
        Span(300_000, 10),
        Span(50_200, 100),
        Span(len(DATA) - 7, 7),
        Span(0, 0),
        Span(50_050, 9),
    ]
    assert await source.read_ranges(spans) == [part(span) for span in spans]
    assert sorted(ranges(server)[1:]) == ["bytes=300000-300009", "bytes=50000-50299"]


async def test_a_stream_is_one_request_in_pieces(server: RangeServer, open_url: OpenUrl) -> None:
    data = DATA * 5
    source = open_url(server.serve("data", data))
    pieces = [piece async for piece in source.stream(10, len(data) - 10)]
    assert b"".join(pieces) == data[10:]
    assert all(0 < len(piece) <= PIECE for piece in pieces)
    assert len(server.requests("data")) == 2


async def test_a_stream_can_be_left(server: RangeServer, open_url: OpenUrl, nothing_left: object) -> None:
    source = open_url(server.serve("data", DATA * 50))
    async with aclosing(source.stream(0, len(DATA) * 49)) as pieces:
        async for piece in pieces:
            assert piece
            break
    await source.aclose()


async def test_many_reads_at_once_share_a_look(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    spans = [Span(number * 40_000, 100) for number in range(20)]
    assert await asyncio.gather(*(source.read(*span) for span in spans)) == [part(span) for span in spans]
    assert len([text for text in ranges(server) if text.startswith("bytes=-")]) == 1


@pytest.mark.parametrize("span", [Span(0, len(DATA) + 1), Span(len(DATA) - 5, 6), Span(len(DATA) + 1, 0)])
async def test_a_range_beyond_the_end_is_refused(server: RangeServer, open_url: OpenUrl, span: Span) -> None:
    source = open_url(server.serve("data", DATA))
    with pytest.raises(StorageError, match=r"/data ends 1 bytes early"):
        await source.read(*span)
    with pytest.raises(StorageError, match=r"/data ends 1 bytes early"):
        await anext(source.stream(*span))
    assert len(server.requests("data")) == 1


async def test_what_is_read_again_after_closing_is_of_the_same_version(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA))
    await source.read(*FAR)
    await source.aclose()
    await source.aclose()
    assert await source.read(*FAR) == part(FAR)
    assert server.requests("data")[-1].headers["if-match"] == server.requests("data")[1].headers["if-match"]


async def test_idle_connections_are_given_back_unasked(server: RangeServer, nothing_left: object) -> None:
    from carton_runtime import background
    from carton_runtime.storage.http.source import HttpSource

    source = HttpSource(server.serve("data", DATA))
    assert await background.run(source.read(*FAR)) == part(FAR)


@pytest.mark.parametrize("data", [b"", b"x", DATA[:TAIL], DATA[: TAIL + 1]])
@pytest.mark.parametrize("faults", [Faults(), Faults(ignore_ranges=True), Faults(ignore_suffixes=True)])
async def test_files_of_every_size_are_read(
    server: RangeServer, open_url: OpenUrl, data: bytes, faults: Faults
) -> None:
    source = open_url(server.serve("data", data, faults))
    assert await source.size() == len(data)
    assert await source.read(0, len(data)) == data
    assert b"".join([piece async for piece in source.stream(0, len(data))]) == data


@pytest.mark.parametrize("look", [True, False], ids=["says so", "does not say so"])
@pytest.mark.parametrize("etag", ["strong", "weak", "none"])
async def test_a_file_that_changes_is_noticed(server: RangeServer, open_url: OpenUrl, etag: str, look: bool) -> None:
    """By the condition that the server checks, or by what it says of the answer where it checks none."""
    faults = Faults(etag=etag, change_after=1, ignore_conditions=not look)
    source = open_url(server.serve("data", DATA, faults))
    await source.size()
    with pytest.raises(StorageError, match="/data changed while it was read; start again"):
        await source.read(*FAR)


async def test_a_file_that_grows_or_shrinks_is_noticed(server: RangeServer, open_url: OpenUrl) -> None:
    unknown = Faults(etag="none", modified=False)
    for other in (DATA + b"more", DATA[:-1], DATA[:500]):
        source = open_url(server.serve("data", DATA, unknown))
        await source.size()
        server.serve("data", other, unknown)
        with pytest.raises(StorageError, match="changed while it was read"):
            await source.read(*FAR)


async def test_the_identity_tells_versions_apart(server: RangeServer, open_url: OpenUrl) -> None:
    for etag in ("strong", "weak", "none"):
        url = server.serve("data", DATA, Faults(etag=etag))
        same = {await open_url(url).identity() for _ in range(2)}
        assert len(same) == 1
        assert await open_url(server.serve("data", DATA, Faults(etag=etag, change_after=0))).identity() not in same


async def test_an_identity_that_nothing_tells_is_never_the_same(server: RangeServer, open_url: OpenUrl) -> None:
    url = server.serve("data", DATA, Faults(etag="none", modified=False))
    source = open_url(url)
    assert await source.read(*FAR) == part(FAR)
    assert await source.identity() == await source.identity() != await open_url(url).identity()


async def test_a_small_file_without_ranges_is_taken_whole(
    server: RangeServer, open_url: OpenUrl, nothing_left: object
) -> None:
    source = open_url(server.serve("data", DATA, Faults(ignore_ranges=True)))
    assert await source.read(*FAR) == part(FAR)
    assert b"".join([piece async for piece in source.stream(*FAR)]) == part(FAR)
    asked = len(server.requests("data"))
    await source.read(0, 100)
    assert len(server.requests("data")) == asked == 2
    await source.aclose()
    assert await source.read(*FAR) == part(FAR)
    await source.aclose()


async def test_a_large_file_without_ranges_is_refused(server: RangeServer, open_url: OpenUrl, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(whole.LARGEST + 1)
    source = open_url(server.serve("data", large, Faults(ignore_ranges=True)))
    assert await source.size() == whole.LARGEST + 1
    with pytest.raises(StorageError, match=r"/data has more than 64 MiB, .* download the carton and give its path"):
        await source.read(0, 10)
    assert server.sent("data") < whole.LARGEST / 2  # no more than fits between the two of us


async def test_a_large_file_without_ranges_can_be_streamed(
    server: RangeServer, open_url: OpenUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "LARGEST", 1 << 18)
    source = open_url(server.serve("data", DATA, Faults(ignore_ranges=True)))
    for wanted in (Span(0, len(DATA)), FAR, Span(len(DATA) - 5, 5), Span(10, 0)):
        pieces = [piece async for piece in source.stream(*wanted)]
        assert b"".join(pieces) == part(wanted)
        assert all(0 < len(piece) <= PIECE for piece in pieces)
    server.serve("data", DATA, Faults(ignore_ranges=True, close_after=400_000, times=2))
    assert b"".join([piece async for piece in source.stream(*FAR)]) == part(FAR)
    assert len(server.requests("data")) == 3
    server.serve("data", DATA[::-1], Faults(ignore_ranges=True, change_after=0))
    with pytest.raises(StorageError, match="changed while it was read"):
        await anext(source.stream(*FAR))


async def test_a_file_of_unknown_length_is_taken_up_to_the_same_size(
    server: RangeServer, open_url: OpenUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(ignore_ranges=True, chunked=True)
    assert await open_url(server.serve("data", DATA, faults)).read(*FAR) == part(FAR)
    monkeypatch.setattr(whole, "LARGEST", 1 << 18)
    with pytest.raises(StorageError, match="its server gives no ranges of it"):
        await open_url(server.serve("data", DATA, faults)).size()


async def test_a_disk_that_does_not_take_a_whole_file_is_said_to_be_full(
    server: RangeServer, open_url: OpenUrl, temporary: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    source = open_url(server.serve("data", DATA, Faults(ignore_ranges=True)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(DATA) // 2, limits[1]))
    try:
        with pytest.raises(StorageError, match=f"/data cannot be kept in {temporary}: File too large"):
            await source.size()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert await source.read(*FAR) == part(FAR)


async def test_a_server_that_gives_less_than_asked_is_asked_again(server: RangeServer, open_url: OpenUrl) -> None:
    source = open_url(server.serve("data", DATA, Faults(most=1 << 17)))
    assert await source.read(*FAR) == part(FAR)
    assert len(server.requests("data")) == 1 + 4


async def test_a_cancelled_read_leaves_nothing(server: RangeServer, open_url: OpenUrl, nothing_left: object) -> None:
    source = open_url(server.serve("data", DATA, Faults(mute=True)))
    task = asyncio.create_task(source.read(*FAR))
    await asyncio.to_thread(server.wait_for, "data")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await source.aclose()
