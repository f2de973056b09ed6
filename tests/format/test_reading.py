from __future__ import annotations

import pytest

from carton_runtime.errors import FormatError
from carton_runtime.format.limits import Limits
from carton_runtime.format.locating import line_of
from carton_runtime.format.reading import Table, parse_toml

TEXT = """\
title = "a"
count = 3
flag = true
ratio = 0.5
names = ["x", "y"]

[runner]
opts = {"a.b" = 1}

[[input]]
name = "first"

[[input]]
name = "second"
shape = [1,
  2]

[input.extra]
"dotted.key" = 1

[[input]]
"""


LONG = ".".join("a" * 40)
ENDLESS = "x = {" + ".".join("a" * 1_000_000) + " = 1}"


def table(text: str = TEXT) -> Table:
    return parse_toml(text.encode(), "file.toml")


def test_a_value_of_its_type_is_given() -> None:
    read = table()
    assert (read.text("title"), read.integer("count"), read.text_list("names")) == ("a", 3, ("x", "y"))
    assert [row.optional_text("name") for row in read.tables("input")] == ["first", "second", None]
    assert read.table("runner").table("opts").integer("a.b") == 1
    assert "count" in read
    assert list(read)[:2] == ["title", "count"]


def test_what_is_absent_is_empty_where_that_is_allowed() -> None:
    read = table()
    assert read.optional_text("none") is None
    assert read.optional_integer("none") is None
    assert read.optional_table("none") is None
    assert (read.tables("none"), read.text_list("none"), read.items("none")) == ([], (), [])


@pytest.mark.parametrize("getter", ["text", "integer", "table", "value"])
def test_what_is_absent_elsewhere_is_an_error(getter: str) -> None:
    with pytest.raises(FormatError, match=r"file\.toml: runner\.none \(line 7\): is missing"):
        getattr(table().table("runner"), getter)("none")


@pytest.mark.parametrize(
    ("getter", "key", "message"),
    [
        ("text", "count", "must be a string, not a whole number"),
        ("optional_text", "flag", "must be a string, not a boolean"),
        ("integer", "ratio", "must be a whole number, not a number"),
        ("integer", "flag", "must be a whole number"),
        ("optional_integer", "title", "must be a whole number, not a string"),
        ("table", "names", "must be a table, not a list"),
        ("optional_table", "title", "must be a table, not a string"),
        ("tables", "runner", "must be a list, not a table"),
        ("tables", "names", r"names\[0\].*must be a table, not a string"),
        ("text_list", "input", r"input\[0\].*must be a string, not a table"),
    ],
)
def test_a_value_of_another_type_is_an_error(getter: str, key: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        getattr(table(), getter)(key)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_beyond_64_bits_is_an_error(number: int) -> None:
    with pytest.raises(FormatError, match="64 bits"):
        table(f"count = {number}").integer("count")


def test_an_error_says_file_key_path_and_line() -> None:
    error = table().tables("input")[1].error(("shape", 0), "is odd")
    assert (error.where, error.line) == ("file.toml: input[1].shape[0]", 15)
    assert str(error) == "file.toml: input[1].shape[0] (line 15): is odd"


def test_a_key_that_needs_quotes_is_quoted_in_an_error() -> None:
    opts = table().table("runner").table("opts")
    assert opts.error("a.b", "is odd").where == 'file.toml: runner.opts."a.b"'


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("count",), 2),
        (("runner",), 7),
        (("runner", "opts", "a.b"), 8),
        (("input", 0, "name"), 11),
        (("input", 1, "name"), 14),
        (("input", 1, "extra", "dotted.key"), 19),
        (("input", 2, "name"), 21),
        (("absent",), None),
        ((), None),
    ],
)
def test_a_line_is_found_by_key_path(path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = \n", 2), ("a = 1\na = 2", 2), ("\n\n[x", 3)])
def test_a_syntax_error_has_its_line(text: str, line: int) -> None:
    with pytest.raises(FormatError, match="is not TOML") as caught:
        table(text)
    assert (caught.value.where, caught.value.line) == ("file.toml", line)


def test_bytes_that_are_not_utf8_have_their_line() -> None:
    with pytest.raises(FormatError, match="is not UTF-8") as caught:
        parse_toml(b"a = 1\nb = '\xff'", "file.toml")
    assert caught.value.line == 2


def test_a_file_may_not_be_larger_than_allowed() -> None:
    assert parse_toml(b"a = 1", "file.toml", Limits(toml_size=5)).integer("a") == 1
    with pytest.raises(FormatError, match="is 5 bytes long, more than limit_toml_size = 4 allows"):
        parse_toml(b"a = 1", "file.toml", Limits(toml_size=4))


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 40 + "]" * 40,
        "a = " + "[" * 100_000,
        "a = " + "{a=" * 100_000,
        f"{LONG} = 1",
        f"[{LONG}]",
        ENDLESS,
    ],
)
def test_a_file_may_not_be_deeper_than_allowed(text: str) -> None:
    with pytest.raises(FormatError, match=r"nested too deeply, more than limit_toml_depth = 32|not TOML"):
        table(text)


def test_a_number_of_too_many_digits_is_an_error() -> None:
    with pytest.raises(FormatError, match="not TOML"):
        table("a = " + "9" * 5000)


def test_dots_in_text_make_no_key() -> None:
    dots = ".".join("a" * 100)
    text = f'a = \'{dots}\'\nb = """\n{dots}"""\nc = \'\'\'{dots}\'\'\'\nd = "\\"{dots}" # {dots}\n'
    assert table(text).text("a") == dots
