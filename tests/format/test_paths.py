from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_runtime.errors import FormatError
from carton_runtime.format.paths import safe_path


@pytest.mark.parametrize(
    "name", ["carton.toml", "model/.carton/x.lock", "misc/a b=c.png", "model/…/é", "..a/b..", "ab:c"]
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
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="path"):
        safe_path(name)


@pytest.mark.parametrize("name", ["", "a\0", "a\nb", "a/\udc80"])
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
