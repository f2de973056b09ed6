from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_runtime.errors import FormatError
from carton_runtime.format.paths import check_distinct, safe_join, safe_path


@pytest.mark.parametrize(
    "name",
    [
        *("carton.toml", "model/.carton/x.lock", "misc/a b=c.png", "model/…/é", "..a/b..", "ab:c"),
        *("console", "model/nul_model.py", "com10", "aux-data/x", "model/lpt", "con_"),
    ],
)
def test_a_relative_path_is_returned_as_it_is(name: str) -> None:
    assert safe_path(name) == name


@pytest.mark.parametrize(
    "name",
    [
        r"/etc/passwd",
        r"//host/x",
        r"..",
        r"a/../b",
        r"../a",
        r"a/..",
        r".",
        r"./a",
        r"a/.",
        r"a//b",
        r"a/",
        r"C:/x",
        r"c:x",
        r"a\b",
        r"\\host\x",
        r"model/C:/x",
        r"a/.. /b",
        r"a/.../b",
        r" /a",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="path"):
        safe_path(name)


@pytest.mark.parametrize(
    "name",
    [
        *("CON", "model/con", "model/NUL.txt", "aux/x", "a/Prn.tar.gz", "COM1", "lpt9.py", "COM³"),
        *("conin$", "CONOUT$.x"),
        *("NUL ", "nul .txt", "nul:"),
    ],
)
def test_a_path_that_is_a_device_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="is a device on Windows"):
        safe_path(name)


@pytest.mark.parametrize("name", ["", "a\0", "a\nb", "a/\udc80", "a\x1b[2J", "a\rb", "a\x7f"])
def test_a_path_that_no_file_should_have_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="path"):
        safe_path(name)


def test_the_error_names_where_the_path_stood() -> None:
    with pytest.raises(FormatError) as caught:
        safe_path("../x", where="carton.toml: example[0]")
    assert caught.value.where == "carton.toml: example[0]"


@given(st.text())
def test_no_text_makes_anything_but_a_format_error(name: str) -> None:
    try:
        parts = safe_path(name).split("/")
    except FormatError:
        return
    assert not {"", ".", ".."} & set(parts)


def test_a_path_below_a_folder_is_made_of_a_safe_name_only() -> None:
    assert safe_join(Path("/cache"), "model/a/b") == Path("/cache/model/a/b")
    assert safe_join(PurePosixPath("x"), "..a") == PurePosixPath("x/..a")
    for name in ("../b", "/etc/passwd", "a/../../b", "CON", "C:b"):
        with pytest.raises(FormatError):
            safe_join(Path("/cache"), name)


@given(st.text())
def test_no_text_leads_out_of_the_folder(name: str) -> None:
    try:
        joined = safe_join(PurePosixPath("/cache"), name)
    except FormatError:
        return
    assert joined.is_relative_to("/cache")
    assert joined != PurePosixPath("/cache")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("model/A.py", "model/a.py"),
        ("Model/a", "model/a"),
        ("model/caf\u00e9", "model/cafe\u0301"),
        ("model/\u00c9", "model/e\u0301"),
        ("model/\u212b", "model/\u00e5"),
        ("model/STRASSE", "model/straße"),
        ("model/a", "model/a."),
        ("model/a", "model/a "),
        ("a", "a"),
    ],
)
def test_names_that_some_file_system_takes_for_one_are_refused(one: str, other: str) -> None:
    with pytest.raises(FormatError, match="one file on many systems"):
        check_distinct(["first", one, "model/b", other])


@pytest.mark.parametrize(("file", "below"), [("a", "a/b"), ("a/b", "a/b/c/d"), ("model/X", "model/x/y"), ("é", "É/a")])
def test_nothing_may_lie_below_a_file(file: str, below: str) -> None:
    for names in ([file, below], [below, file], [f"{file}!", below, f"{file}.x", file, "z"]):
        with pytest.raises(FormatError, match="which is no folder"):
            check_distinct(names)


def test_names_that_only_look_alike_are_kept() -> None:
    check_distinct(["a", "ab", "a.b", "a-b/c", "b/a", "b/A2", "c/a", "d/x", "D/y", "é", "e"])


def test_a_million_names_take_no_time_in_the_square_of_their_number() -> None:
    check_distinct(f"{'x/' * 20}{number}" for number in range(50_000))
