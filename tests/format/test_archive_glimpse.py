"""Parts of a zip's directory, read without the rest of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from carton_runtime.errors import FormatError
from carton_runtime.format.archive import Glimpse, read_glimpse

WANTED = "carton.toml"
TAIL = 2_000


def glimpse(archive: Any, *, tail: int = TAIL, head: int = 1_000) -> Glimpse:
    found: Glimpse = archive.run(read_glimpse(archive.size, WANTED, tail=tail, head=head, without="model/"))
    return found


def models(raw_entry: type, count: int = 200) -> list[Any]:
    return [raw_entry(f"model/{number:04}", b"x") for number in range(count)]


def test_what_stands_last_is_found_in_the_tail(archive_of: Callable, raw_entry: type) -> None:
    wanted = [raw_entry("misc/a", b"picture"), raw_entry(WANTED, b"text"), raw_entry("MANIFEST", b"a=b")]
    archive = archive_of(*models(raw_entry), *wanted)
    found = glimpse(archive)
    assert list(found.entries) == ["misc/a", WANTED, "MANIFEST"]
    assert (found.is_whole, found.count) == (False, 203)
    assert len(archive.ranges) == 1
    assert archive.run_entry(found.entries[WANTED]) == b"text"
    assert archive.run_entry(found.entries["MANIFEST"]) == b"a=b"


def test_what_stands_first_is_found_in_the_head(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry(WANTED, b"text"), raw_entry("misc/a", b"picture"), *models(raw_entry))
    found = glimpse(archive)
    assert list(found.entries) == [WANTED, "misc/a"]
    assert len(archive.ranges) == 2
    assert archive.run_entry(found.entries[WANTED]) == b"text"


def test_what_stands_in_between_is_not_found(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(*models(raw_entry), raw_entry(WANTED, b"text"), *models(raw_entry, 400)[200:])
    assert glimpse(archive).entries == {}


@pytest.mark.parametrize("zip64", [False, True])
def test_the_entries_are_those_of_the_whole_directory(archive_of: Callable, raw_entry: type, zip64: bool) -> None:
    entries = [raw_entry("misc/a", b"picture"), raw_entry("misc/b/", method=0), raw_entry(WANTED, b"text")]
    archive = archive_of(*models(raw_entry), *entries, zip64=zip64)
    whole = archive.index().entries
    for tail in range(300, archive.size, 977):
        found = glimpse(archive, tail=tail).entries
        assert found.items() <= whole.items()
        assert WANTED in found


def test_a_directory_in_the_tail_is_whole(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(raw_entry("model/a", b"x"), raw_entry(WANTED, b"text"))
    found = glimpse(archive)
    assert found.is_whole
    assert list(found.entries) == [WANTED]


def test_what_only_looks_like_a_record_is_none(archive_of: Callable, raw_entry: type) -> None:
    false = raw_entry("model/false", b"x", comment=b"PK\x01\x02" + bytes(60))
    archive = archive_of(*models(raw_entry), false, *models(raw_entry, 210)[200:], raw_entry(WANTED, b"text"))
    whole = archive.index().entries
    for tail in range(500, 1_200):  # so that it begins before, in and after what looks like one
        assert glimpse(archive, tail=tail, head=0).entries == {WANTED: whole[WANTED]}


def test_many_false_records_are_not_tried_for_long(archive_of: Callable, raw_entry: type) -> None:
    false = raw_entry("model/false", b"x", comment=b"PK\x01\x02" * 1_000)
    archive = archive_of(*models(raw_entry), false, raw_entry(WANTED, b"text"))
    assert glimpse(archive, head=100).entries == {}


def test_an_entry_that_was_seen_keeps_the_rules(archive_of: Callable, raw_entry: type) -> None:
    archive = archive_of(*models(raw_entry), raw_entry("misc/../../etc", b"x"), raw_entry(WANTED, b"text"))
    with pytest.raises(FormatError, match=r"\.\."):
        glimpse(archive)


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip" * 100])
def test_what_is_no_zip_is_refused(opened: Callable, data: bytes) -> None:
    with pytest.raises(FormatError, match="this is not a zip archive"):
        glimpse(opened(data))
