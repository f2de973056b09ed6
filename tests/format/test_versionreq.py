from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_runtime.errors import FormatError, VersionReqError
from carton_runtime.format.versionreq import VersionReq, normalise_version

ROWS = json.loads((Path(__file__).parents[1] / "data" / "versionreq.json").read_text())

# The only row that is not what the crate says: "2.0.0" is a version, and it is the requirement that has no `||`
MISLABELLED = ["1 || 2", "2.0.0", "invalid version"]

TEXTS = st.text(alphabet="0123456789.,*xX=<>~^ -+abrc|v!\n²٣", max_size=24) | st.text(max_size=12)


def verdict(requirement: str, version: str) -> str:
    try:
        parsed = VersionReq(requirement)
    except VersionReqError:
        return "invalid requirement"
    try:
        return "match" if parsed.matches(version) else "no match"
    except VersionReqError:
        return "invalid version"


def test_every_verdict_of_the_rust_crate_is_ours() -> None:
    assert len(ROWS) == 2000
    wrong = [row for row in ROWS if verdict(row[0], row[1]) != row[2]]
    assert wrong == [MISLABELLED]


def test_there_is_no_or() -> None:
    assert verdict("1 || 2", "2.0.0") == "invalid requirement"


@pytest.mark.parametrize(
    ("requirement", "inside", "outside"),
    [
        ("=3.10", "3.10.13", "3.11.0"),
        ("3.10", "3.11.0", "4.0.0"),
        ("~3.10", "3.10.9", "3.11.0"),
        ("3.*", "3.99.0", "4.0.0"),
        (">=1.2, <1.5", "1.4.9", "1.5.0"),
        ("*", "3.13.0", "3.13.0-rc.1"),
        (">=1.0.0-alpha", "1.0.0-beta", "1.0.1-beta"),
        ("<2", "1.9.9", "2.0.0-alpha"),
        ("=2.13.0", "2.13.0+cpu", "2.13.1"),
        ("^0.2", "0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("0.0", "0.0.9", "0.1.0"),
        (">1", "2.0.0", "1.5.0"),
        ("<=1.2", "1.2.9", "1.3.0"),
        (">=1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-rc.1"),
        ("~1.2.3-rc.1", "1.2.3-rc.2", "1.2.4-rc.1"),
    ],
)
def test_ranges_mean_what_they_mean_to_cargo(requirement: str, inside: str, outside: str) -> None:
    assert VersionReq(requirement).matches(inside)
    assert not VersionReq(requirement).matches(outside)


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "1,",
        ",1",
        "1||2",
        "v1",
        "==1",
        "!=1",
        "01",
        "1.02",
        "*,1",
        "1,*",
        "1.*.3",
        ">*",
        "1.2-rc.1",
        "1.2+x",
        "1.2.3-",
        "1.2.3+",
        "1.2.3-01",
        "1.2.3.4",
        "1.",
        ".1",
        "²",
        "٣",
    ],
)
def test_what_cargo_does_not_parse_is_refused(text: str) -> None:
    with pytest.raises(VersionReqError):
        VersionReq(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "1 2", "1.2.3 - 2", "1\n", "\t1", str(2**64), "1" * 5000, "1.2.3-" + "1" * 5000, ",".join(["1"] * 33)],
)
def test_nor_is_what_is_empty_spaced_out_or_too_long(text: str) -> None:
    with pytest.raises(VersionReqError):
        VersionReq(text)


def test_as_many_comparators_as_cargo_allows_are_read() -> None:
    assert VersionReq(",".join(["1"] * 32)).matches("1.0.0")
    assert VersionReq("18446744073709551615").matches("18446744073709551615.0.0")


@pytest.mark.parametrize("version", ["", "1", "1.2", "1.2.3\n", "v1.2.3", "1.2.3-01", "01.2.3", "1.2.3.4", "1" * 5000])
def test_only_a_full_version_can_be_matched(version: str) -> None:
    with pytest.raises(VersionReqError, match=r"version|64 bits"):
        VersionReq("*").matches(version)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1.2", "^1.2"),
        (">= 2", ">=2"),
        ("1.*", "1.*"),
        ("1.X.x", "1.*"),
        ("1.2.x", "1.2.*"),
        ("=1.*", "=1"),
        (" * ", "*"),
        ("X", "*"),
        (">=1.2,<2", ">=1.2, <2"),
        ("=1.2.3-rc.1+build", "=1.2.3-rc.1"),
        ("~ 1 , <= 4 ", "~1, <=4"),
    ],
)
def test_a_requirement_is_shown_in_its_canonical_form(text: str, canonical: str) -> None:
    assert str(VersionReq(text)) == canonical
    assert repr(VersionReq(text)) == f"VersionReq('{canonical}')"
    assert VersionReq(canonical) == VersionReq(text)
    assert hash(VersionReq(canonical)) == hash(VersionReq(text))


def test_a_requirement_is_equal_to_requirements_only() -> None:
    assert VersionReq("1") != "^1"
    assert VersionReq("1") != VersionReq("=1")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.13", "2.13.0"),
        ("3", "3.0.0"),
        ("3.14.0rc1", "3.14.0-rc.1"),
        ("2.0a2", "2.0.0-alpha.2"),
        ("2.0.0b3.dev4", "2.0.0-beta.3.dev.4"),
        ("2.13+cpu", "2.13.0+cpu"),
        ("2.13.0+cu121", "2.13.0+cu121"),
        ("4.8.0.76", "4.8.0+76"),
        ("1.2.post1+local", "1.2.0+post.1.local"),
        ("1.2.3-rc.1", "1.2.3-rc.1"),
    ],
)
def test_a_python_version_becomes_a_semantic_one(text: str, version: str) -> None:
    assert normalise_version(text) == version
    VersionReq("*").matches(version)


@pytest.mark.parametrize("text", ["", "latest", "1!2.0", "1..2", "1" * 5000])
def test_what_is_no_version_is_not_normalised(text: str) -> None:
    with pytest.raises(VersionReqError):
        normalise_version(text)


def test_a_version_error_is_a_format_error() -> None:
    assert issubclass(VersionReqError, FormatError)


@given(TEXTS, TEXTS)
def test_no_text_makes_anything_but_a_version_error(requirement: str, version: str) -> None:
    verdict(requirement, version)
    try:
        normalised = normalise_version(version)
    except VersionReqError:
        return
    VersionReq("*").matches(normalised)


@given(st.sampled_from([row[0] for row in ROWS if row[2].endswith("match")]), st.sampled_from(ROWS))
def test_the_canonical_form_means_the_same(requirement: str, row: list[str]) -> None:
    parsed = VersionReq(requirement)
    assert VersionReq(str(parsed)) == parsed
    assert verdict(str(parsed), row[1]) == verdict(requirement, row[1])
