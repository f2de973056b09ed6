"""What servers compress: whole however it is cut, and an error of ours whatever is wrong with it."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from fix_links import ENCODINGS

from carton_runtime.contents.encodings import PIECE, Decoder
from carton_runtime.errors import FormatError

DATA = random.Random(1).randbytes(50_000) + bytes(5_000_000)
FRAMED = ("zstd", "gzip", "x-gzip")  # several of them, one behind the other, are one file
LARGEST_OUTPUT = 1 << 24  # what brotli may give at once; the others keep to what they are asked for


def decoded(encoding: str, data: bytes, step: int, allow: Callable[[int, int], None] = lambda *_: None) -> bytes:
    decoder, made = Decoder(ENCODINGS[encoding][0], allow), []
    for start in range(0, len(data), step):
        made += decoder.feed(data[start : start + step])
    decoder.finish()
    assert all(len(piece) <= (LARGEST_OUTPUT if encoding == "br" else PIECE) for piece in made)
    return b"".join(made)


def encoded(encoding: str, data: bytes = DATA) -> bytes:
    return ENCODINGS[encoding][1](data)


@pytest.mark.parametrize("step", [1, 997, 1 << 20])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_is_whole_however_it_is_cut(encoding: str, step: int) -> None:
    data = DATA[:1000] if step == 1 else DATA
    assert decoded(encoding, encoded(encoding, data), step) == data


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_empty_file_is_a_file(encoding: str) -> None:
    assert decoded(encoding, encoded(encoding, b""), 1) == b""


@pytest.mark.parametrize("encoding", FRAMED)
def test_several_behind_each_other_are_one(encoding: str) -> None:
    assert decoded(encoding, encoded(encoding, b"one") + encoded(encoding, b"two"), 7) == b"onetwo"


@pytest.mark.timeout(40)  # if each end of one copied all behind it, this would take minutes
def test_half_a_million_members_take_no_time_without_end() -> None:
    one = encoded("gzip", b"")
    data = one * ((12 << 20) // len(one)) + encoded("gzip", b"end")
    assert decoded("gzip", data, len(data)) == b"end"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"more", lambda _: b""])
def test_what_is_cut_short_or_followed_by_something_is_refused(encoding: str, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(FormatError, match=r"is sent in the encoding '[\w-]+', and (cut short|damaged)"):
        decoded(encoding, damage(encoded(encoding)), 1 << 16)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_damage_is_an_error_of_ours_or_other_bytes(encoding: str) -> None:
    refused, rng = 0, random.Random(1)
    whole = encoded(encoding, DATA[:20_000].translate(b"acgt" * 64))
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            decoded(encoding, bytes(data), rng.choice([13, 4096, 1 << 20]))
        except FormatError:
            refused += 1
    assert refused > 30


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_stops_when_it_is_too_much(encoding: str) -> None:
    most = 0

    def allow(fed: int, made: int) -> None:
        nonlocal most
        most = made
        if made > 2_000_000:
            raise FormatError("too much")

    with pytest.raises(FormatError, match="too much"):
        decoded(encoding, encoded(encoding, bytes(300_000_000)), 1 << 20, allow)
    assert most <= 2_000_000 + LARGEST_OUTPUT


def test_an_encoding_that_nobody_reads_is_refused() -> None:
    with pytest.raises(FormatError, match="'compress'; those that can be read are zstd, gzip, x-gzip, br, deflate"):
        Decoder("compress", lambda *_: None)
