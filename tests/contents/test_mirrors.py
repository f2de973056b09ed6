"""Mirrors: asked in order, whatever they do wrong, however they compress, and within limits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fix_links import ENCODINGS, WEIGHTS, Unlinked, placed, refusal
from fix_placing import leftovers

import carton_runtime as carton
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings
from carton_runtime.testing.range_server import Faults, RangeServer


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_encoding_is_undone(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path, encoding: str
) -> None:
    name, encode = ENCODINGS[encoding]
    url = web.serve("weights", encode(WEIGHTS), Faults(headers={"Content-Encoding": name}))
    assert (await placed(linking(whole, {"model/weights": [url]}), cache_dir))["weights"] == WEIGHTS
    assert leftovers(cache_dir) == []


@pytest.mark.parametrize("encoding", ["", "zstd", "gzip"])
async def test_a_download_that_broke_off_is_taken_up_again(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path, encoding: str
) -> None:
    data = ENCODINGS[encoding][1](WEIGHTS) if encoding else WEIGHTS
    headers = {"Content-Encoding": encoding}
    stalling = Faults(stall_after=200_000, headers=headers)
    path = linking(whole, {"model/weights": [web.serve("weights", data, stalling)]})
    with pytest.raises(carton.StorageError, match="fell silent"):
        await placed(path, cache_dir)
    before = web.sent("weights")
    web.serve("weights", data, Faults(headers=headers))
    assert (await placed(path, cache_dir))["weights"] == WEIGHTS
    assert web.sent("weights") <= len(data) - 200_000
    assert before >= 200_000
    assert leftovers(cache_dir) == []


async def test_a_server_that_compresses_as_it_sends_is_taken_at_its_word(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    url = web.serve("weights", WEIGHTS, Faults(encoding="gzip", ignore_ranges=True, etag="none", modified=False))
    assert (await placed(linking(whole, {"model/weights": [url]}), cache_dir))["weights"] == WEIGHTS


BROKEN = {
    "there is nothing": Faults(statuses=(404,) * 9),
    "it cannot": Faults(statuses=(503,) * 9),
    "it is mute": Faults(mute=True),
    "it stalls": Faults(stall_after=1000),
    "it hangs up": Faults(close_after=1000),
    "it does not speak HTTP": Faults(garbage=True),
    "it lies about its encoding": Faults(headers={"Content-Encoding": "zstd"}),
    "its encoding is unknown": Faults(headers={"Content-Encoding": "compress"}),
    "it has other bytes": Faults(change_after=0),
    "it leads to a file of this machine": Faults(location="file:///etc/hostname"),
    "it leads round in a circle": Faults(location="first"),
    "it asks who is there": Faults(user="somebody:secret"),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_the_next_mirror_is_asked_when(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path, fault: str
) -> None:
    urls = [web.serve("first", WEIGHTS, BROKEN[fault]), web.serve("second", WEIGHTS), web.serve("third", WEIGHTS)]
    events: list[carton.Event] = []
    files = await open_carton(linking(whole, {"model/weights": urls}), Settings.load())
    place = await place_model(files, cache_dir, on_event=events.append)
    assert (place.path / "weights").read_bytes() == WEIGHTS
    assert events[-1].done == events[-1].total == len(WEIGHTS) + len(b"more")  # what was of no use does not count
    place.release()
    await files.aclose()
    assert web.requests("first")
    assert web.requests("third") == []
    assert leftovers(cache_dir) == []


async def test_a_mirror_goes_on_where_another_broke_off(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    urls = [web.serve("first", WEIGHTS, Faults(close_after=300_000)), web.serve("second", WEIGHTS)]
    assert (await placed(linking(whole, {"model/weights": urls}), cache_dir))["weights"] == WEIGHTS
    assert web.sent("second") <= len(WEIGHTS) - 300_000


async def test_a_beginning_that_was_wrong_costs_only_that(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    other = Faults(change_after=0, close_after=300_000)
    urls = [web.serve("first", WEIGHTS, other), web.serve("second", WEIGHTS)]
    assert (await placed(linking(whole, {"model/weights": urls}), cache_dir))["weights"] == WEIGHTS
    assert leftovers(cache_dir) == []


async def test_when_no_mirror_has_it_each_is_named_with_its_reason(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    urls = [
        web.serve("gone", WEIGHTS, Faults(statuses=(404,) * 9)) + "?signature=secret",
        web.serve("wrong", bytes(len(WEIGHTS))).replace("http://", "http://somebody:secret@"),
        web.serve("odd", WEIGHTS, Faults(headers={"Content-Encoding": "rot13"})),
        "http://[half/an/address",
    ]
    error = await refusal(linking(whole, {"model/weights": urls}), cache_dir)
    assert isinstance(error, carton.StorageError)
    assert str(error).splitlines() == [
        f"model/weights of {error_source(error)} is not in the carton, and cannot be fetched:",
        f"- {web.url}/gone?… (the last 131072 bytes): the server has nothing there (status 404)",
        f"- {web.url}/wrong: what it gives has another sha256 than the carton promises",
        f"- {web.url}/odd: is sent in the encoding 'rot13'; those that can be read are zstd, gzip, x-gzip, br, deflate",
        "- the URL cannot be read: Invalid IPv6 URL",
    ]
    assert "secret" not in str(error)


def error_source(error: carton.CartonError) -> str:
    return str(error).partition(" of ")[2].partition(" is not in")[0]


async def test_when_all_mirrors_have_something_else_it_is_the_bytes_that_are_wrong(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    urls = [web.serve("first", bytes(9)), web.serve("second", b"")]
    error = await refusal(linking(whole, {"model/weights": urls}), cache_dir)
    assert isinstance(error, carton.IntegrityError)
    assert "another sha256" in str(error)


async def test_without_any_mirror_it_is_said_so(whole: Path, linking: Unlinked, cache_dir: Path) -> None:
    error = await refusal(linking(whole, {"model/weights": []}), cache_dir)
    assert "is not in the carton, which names no place" in str(error)


LIMITS = [
    ("", "CARTON_LIMIT_EXPANDED_SIZE", "1 MB", "has 1,100,000 bytes or more, more than limit_expanded_size"),
    ("gzip", "CARTON_LIMIT_EXPANDED_SIZE", "1 MB", "bytes or more, more than limit_expanded_size"),
    ("zstd", "CARTON_LIMIT_COMPRESSION_RATIO", "1", "more than limit_compression_ratio"),
]


@pytest.mark.parametrize(("encoding", "variable", "limit", "words"), LIMITS)
async def test_limits_hold_for_what_is_fetched(
    web: RangeServer,
    whole: Path,
    linking: Unlinked,
    cache_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    variable: str,
    limit: str,
    words: str,
) -> None:
    data = ENCODINGS[encoding][1](WEIGHTS) if encoding else WEIGHTS
    path = linking(whole, {"model/weights": [web.serve("w", data, Faults(headers={"Content-Encoding": encoding}))]})
    monkeypatch.setenv(variable, limit)
    assert words in str(await refusal(path, cache_dir))


async def test_a_limit_holds_for_all_that_is_fetched_together(
    web: RangeServer,
    pack_noop: Callable[..., Path],
    linking: Unlinked,
    cache_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {name: name.encode() * 1000 for name in ("one", "two", "three")}
    urls = {f"model/{name}": [web.serve(name, data)] for name, data in files.items()}
    path = linking(pack_noop(files), urls)
    monkeypatch.setenv("CARTON_LIMIT_EXPANDED_SIZE", "10000")
    # Not `refusal`: the beginning of a file that was on its way when another broke the limit is kept.
    with pytest.raises(carton.StorageError, match="linked files have 11,000 bytes or more, more than limit_"):
        await placed(path, cache_dir)
    monkeypatch.setenv("CARTON_LIMIT_EXPANDED_SIZE", "11000")
    assert await placed(path, cache_dir) == files


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_bomb_is_not_expanded(
    web: RangeServer,
    whole: Path,
    linking: Unlinked,
    cache_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
) -> None:
    name, encode = ENCODINGS[encoding]
    bomb = web.serve("bomb", encode(bytes(200_000_000)), Faults(headers={"Content-Encoding": name}))
    monkeypatch.setenv("CARTON_LIMIT_EXPANDED_SIZE", "4 MB")
    assert "more than limit_expanded_size" in str(await refusal(linking(whole, {"model/weights": [bomb]}), cache_dir))
