"""What a server's answer says about itself: understood, or a typed error, whatever it says."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import Span
from carton_runtime.storage.http.answers import Answer, Version
from carton_runtime.storage.retrying import Trouble

WANTED = Span(100, 200_000)
GOOD = {"content-range": "bytes 100-200099/1000000", "content-length": "200000"}

NUMBERS = st.integers(0, 300_000) | st.sampled_from([99, 100, 101, 200_099, 1_000_000])
RANGES = st.builds("bytes {}-{}/{}".format, NUMBERS, NUMBERS, NUMBERS | st.just("*"))
TEXTS = st.text('bytes 0123456789-/*,"W\u0663', max_size=20) | RANGES | st.integers().map(str)
NAMES = st.sampled_from(["content-range", "content-length", "content-encoding", "retry-after", "etag", "last-modified"])


@given(st.integers(0, 999), st.dictionaries(NAMES, TEXTS))
@example(206, GOOD)
@example(206, {**GOOD, "content-length": "200000, 200000"})
@example(206, {"content-range": "bytes 100-200099/" + "9" * 5000})
@example(206, {"content-range": "bytes 300-100/1000000"})
def test_whatever_is_answered_is_understood_or_a_typed_error(status: int, headers: dict[str, str]) -> None:
    try:
        answer = Answer.read(status, headers, "where")
        part, total = answer.check_part(WANTED, "where")
    except (StorageError, Trouble):
        return
    assert part.start == WANTED.start
    assert part.length > 0
    assert part.stop <= min(WANTED.stop, total)


def test_a_good_answer_is_understood() -> None:
    answer = Answer.read(206, {**GOOD, "etag": '"x"', "last-modified": "then"}, "where")
    assert answer.check_part(WANTED, "where") == (WANTED, 1_000_000)
    assert answer.version(1_000_000) == Version('"x"', "then", 1_000_000)


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"content-range": "bytes 100-200099/*"}, "does not say which part of how many"),
        ({"content-range": "bytes */1000000"}, "does not say which part of how many"),
        ({"content-range": "lines 100-200099/1000000"}, "does not say which part of how many"),
        ({}, "does not say which part of how many"),
        ({"content-range": "bytes 99-200099/1000000"}, "sends bytes 99-200099 instead"),
        ({"content-range": "bytes 100-200100/1000000"}, "sends bytes 100-200100 instead"),
        ({"content-range": "bytes 100-50000/1000000"}, "sends no more than 49901 bytes at a time"),
        ({"content-range": "bytes 100-200099/200000"}, "sends bytes 100-200099 of a file of 200000 bytes"),
        ({**GOOD, "content-length": "199999"}, "announces 199999 bytes for a range of 200000"),
        ({**GOOD, "content-encoding": "gzip"}, "compressed the bytes"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(headers: dict[str, str], says: str) -> None:
    with pytest.raises(StorageError, match=f"^where: the server {says}"):
        Answer.read(206, headers, "where").check_part(WANTED, "where")


@pytest.mark.parametrize(
    ("version", "condition"),
    [
        (Version('"x"', "then", 5), {"If-Match": '"x"'}),
        (Version('W/"x"', "then", 5), {}),
        (Version(None, "then", 5), {"If-Unmodified-Since": "then"}),
        (Version(None, None, 5), {}),
    ],
)
def test_the_condition_is_the_strongest_that_there_is(version: Version, condition: dict[str, str]) -> None:
    assert version.condition == condition


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        (Version('"x"', "then", 5), Version('"x"', "later", 5), False),
        (Version('"x"', "then", 5), Version('W/"x"', "then", 5), False),
        (Version('"x"', "then", 5), Version('"y"', "then", 5), True),
        (Version('"x"', "then", 5), Version('"x"', "then", 6), True),
        (Version(None, "then", 5), Version('"x"', "then", 5), False),
        (Version(None, "then", 5), Version(None, "later", 5), True),
        (Version(None, None, 5), Version('"x"', "then", 5), False),
    ],
)
def test_versions_are_told_apart_by_what_both_say(one: Version, other: Version, differ: bool) -> None:
    assert one.differs(other) is other.differs(one) is differ
