"""The files of a carton, as they are shown."""

from __future__ import annotations

import re
from collections.abc import Callable

from fix_models import DOUBLE, Packed
from IPython.core.interactiveshell import InteractiveShell
from markdown_it import MarkdownIt

import carton_runtime as carton
from carton_jupyter.presenter import html, text
from carton_jupyter.presenter.files_view import card_files_view, files_view
from carton_jupyter.presenter.view import info_view

HOSTILE = "model/<script>|`*__x__`](a)"

TABLE = carton.FileTable(
    (
        carton.FileEntry("model/weights", None, "a" * 64, is_linked=True),
        carton.FileEntry("model/large", 2_500_000, "b" * 64),
        carton.FileEntry(HOSTILE, 10, "c" * 64),
    ),
    "d" * 64,
)


def test_the_files_are_told_with_their_sizes() -> None:
    assert text.files(files_view(TABLE)).splitlines() == [
        "3 files, 2.5 MB, and 1 of them elsewhere",
        "          model/weights (linked)",
        "  2.5 MB  model/large",
        f"    10 B  {HOSTILE}",
    ]


def test_no_more_are_shown_than_are_good_to_read() -> None:
    view = files_view(TABLE, most=1)
    assert [row["path"] for row in view["rows"]] == ["model/weights"]
    assert view["more"] == "and 2 more, 2.5 MB"
    assert text.files(view).endswith("\nand 2 more, 2.5 MB")
    assert "and 2 more, 2.5 MB" in html.files(view)


def test_a_name_becomes_neither_html_nor_markdown() -> None:
    assert "<script" not in html.files(files_view(TABLE))
    rendered = MarkdownIt("commonmark").enable("table").render(text.files_markdown(files_view(TABLE)))
    assert set(re.findall(r"<(\w+)", rendered)) == {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert "&lt;script&gt;|`*__x__`](a)" in rendered


def test_the_shell_shows_them_in_every_way(shell: InteractiveShell, packed: Packed) -> None:
    info = carton.sync.get_model_info(packed({"main.py": DOUBLE, "weights": bytes(5_000_000)}))
    for files in (info.files, info.files.get_blocking()):
        shown, _ = shell.display_formatter.format(files)
        for mimetype in ("text/html", "text/plain", "text/markdown"):
            assert "5.0 MB" in shown[mimetype]
            assert "weights" in shown[mimetype]


def test_a_card_has_the_largest_files_folded_up(packed: Packed) -> None:
    code = {"main.py": DOUBLE, **{f"part{number}": bytes(1000 + number) for number in range(20)}}
    card = html.card(info_view(carton.sync.get_model_info(packed(code))))
    (details,) = re.findall(r"<details>.*?</details>", card)
    assert re.findall(r"model/part\d+", details)[:2] == ["model/part19", "model/part18"]
    assert re.search(r"<summary>.*\d+ files, .*</summary>", details)
    assert re.search(r"and \d+ more", details)


def test_a_card_fetches_no_list_of_files() -> None:
    def fetch() -> None:
        raise AssertionError("it was fetched")

    files = carton.LazyFiles(5_003, fetch, lambda: False)  # type: ignore[arg-type]
    assert card_files_view(files) == {"total": "5,003 files", "rows": [], "more": "info.files lists them"}


def test_what_was_never_packed_has_no_files_on_its_card(code_dir: Callable[..., object], loaded: Callable) -> None:
    card = html.card(info_view(loaded.unpacked(code_dir()).info))
    assert ">Files<" not in card
