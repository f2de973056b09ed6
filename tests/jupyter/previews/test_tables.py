"""Tables of numbers, texts and records."""

from __future__ import annotations

import numpy as np

from carton_jupyter.previews.kinds import FULL
from carton_jupyter.previews.tables import is_table, table


def test_values_are_cells() -> None:
    view = table(np.array([[1.5, np.nan], [-np.inf, 0.1]], np.float32), FULL)
    assert view == {"kind": "table", "columns": ["0", "1"], "rows": [["1.5", "NaN"], ["-inf", "0.1"]], "more": ""}


def test_integers_are_whole() -> None:
    assert table(np.array([2**64 - 1], np.uint64), FULL)["rows"] == [["18446744073709551615"]]


def test_few_values_are_a_row_and_many_a_column() -> None:
    assert len(table(np.arange(20), FULL)["rows"]) == 1
    assert len(table(np.arange(21), FULL)["rows"]) == 21


def test_what_is_left_out_is_said() -> None:
    view = table(np.zeros((1000, 300)), FULL)
    assert (len(view["rows"]), len(view["columns"])) == (50, 20)
    assert view["more"] == "the first 50 of 1,000 rows · the first 20 of 300 columns"


def test_long_texts_are_cut() -> None:
    view = table(np.array([["x" * 1000, "\ud800"]]), FULL)
    assert view["rows"] == [["x" * 80 + " … (1,000 characters in all)", "\ufffd"]]


def test_records_have_named_columns() -> None:
    records = np.array([(1, 0.5, "a"), (2, np.nan, "b")], dtype=[("id", "i4"), ("score", "f8"), ("name", "U3")])
    view = table(records, FULL)
    assert (view["columns"], view["rows"]) == (["id", "score", "name"], [["1", "0.5", "a"], ["2", "NaN", "b"]])


def test_three_axes_are_no_table_unless_the_first_is_one() -> None:
    assert not is_table(np.zeros((2, 2, 2)))
    assert is_table(np.zeros((1, 2, 2)))
    assert not is_table(np.zeros(()))
