from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_runtime.errors import FormatError
from carton_runtime.format.archive import symlink_target


@pytest.mark.parametrize(
    ("link", "target", "path"),
    [
        ("model/a", "b", "model/b"),
        ("model/a", "./b/../c", "model/c"),
        ("model/x/a", "../b", "model/b"),
        ("model/x/a", "../../misc/é", "misc/é"),
        ("a", "b/", "b"),
        ("model/a", ".", "model"),
    ],
)
def test_a_target_is_relative_to_the_links_folder(link: str, target: str, path: str) -> None:
    assert symlink_target(link, target.encode()) == path


@pytest.mark.parametrize(
    "target",
    ["", "/etc/passwd", "//x", "../..", "../../x", "..", "x/../../..", "a\\b", "a\0b", "a\nb", "../C:/x", "x" * 5000],
)
def test_a_target_outside_the_carton_is_refused(target: str) -> None:
    with pytest.raises(FormatError, match="model/a"):
        symlink_target("model/a", target.encode())


def test_a_target_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(FormatError, match="model/a: is a symlink whose target is not UTF-8"):
        symlink_target("model/a", b"\xff")


@given(st.binary(max_size=30) | st.text(alphabet="./ab\\", max_size=20).map(str.encode))
def test_no_target_leads_out(target: bytes) -> None:
    try:
        path = symlink_target("model/x/a", target)
    except FormatError:
        return
    assert not {"", ".", ".."} & set(path.split("/"))
