"""Tables from files of text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import carton_runtime as carton
from carton_jupyter.previews import csv_files
from carton_jupyter.previews.csv_files import read_csv
from carton_runtime import TensorSpec


def spec(dtype: str = "float32", shape: Any = (None, None)) -> TensorSpec:
    return TensorSpec("x", dtype, shape)


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4.5\n",
        "1;2\r\n3;4.5",
        "1\t2\n3\t4.5",
        "a,b\n1,2\n3,4.5\n",
        "\ufeff1,2\n3,4.5",
        '"1","2"\n"3","4.5"',
        " 1 , 2\n3,4.5\n\n",
    ],
)
def test_numbers_are_read_however_they_are_separated(text: str) -> None:
    found = read_csv("x.csv", text.encode(), spec())
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 2], [3, 4.5]]


def test_a_row_or_a_column_is_one_axis_where_the_spec_has_one() -> None:
    assert read_csv("x.csv", b"1,2,3", spec(shape=(None,))).tolist() == [1, 2, 3]
    assert read_csv("x.csv", b"1\n2\n3", spec(shape=(None,))).tolist() == [1, 2, 3]
    assert read_csv("x.csv", b"7", spec(shape=())).shape == ()
    assert read_csv("x.csv", b"1,2\n3,4", spec(shape=(None,))).shape == (2, 2)


def test_large_integers_keep_their_digits() -> None:
    assert read_csv("x.csv", b"9007199254740993", spec("int64")).item() == 9007199254740993
    assert read_csv("x.csv", b"18446744073709551615", spec("uint64")).item() == 2**64 - 1


def test_nan_and_inf_are_numbers() -> None:
    assert np.isnan(read_csv("x.csv", b"nan,inf", spec())).tolist() == [[True, False]]


def test_texts_may_be_quoted() -> None:
    found = read_csv("x.csv", 'a,"b, c"\n"d\ne",ü\n'.encode(), spec("string"))
    assert found.tolist() == [["a", "b, c"], ["d\ne", "ü"]]
    assert read_csv("x.csv", b"", spec("string")).shape == (0, 0)


@pytest.mark.parametrize(
    ("data", "wanted", "said"),
    [
        (b"1,2\n3", "float32", "number of columns"),
        (b"1,x", "float32", "could not convert string 'x'"),
        (b"1,", "float32", "could not convert"),
        (b"", "float32", "holds no numbers"),
        (b"a,b\n", "float32", "holds no numbers"),
        (b"1.5", "int32", "holds 1.5, which int32 cannot hold"),
        (b"300", "uint8", "holds 300.0, which uint8 cannot hold"),
        (b"1e300", "float32", "which float32 cannot hold"),
        (b"nan", "int32", "holds nan"),
        (b"1.5", "int64", "not a table of int64"),
        (b"\xff\xfe1", "float32", "not text in UTF-8"),
        (b"a,b\nc", "string", "rows of 1 and of 2 values"),
    ],
)
def test_what_does_not_fit_is_refused_with_words(data: bytes, wanted: str, said: str) -> None:
    with pytest.raises(carton.InvalidTensorError, match=said) as caught:
        read_csv("x.csv", data, spec(wanted))
    assert "x.csv" in str(caught.value)


def test_one_long_text_among_many_is_refused_before_there_is_no_room() -> None:
    data = b"x" * 100_000 + b"\n" + b"y\n" * 1_000
    with pytest.raises(carton.InvalidTensorError, match="1,001 texts of up to 100,000 characters"):
        read_csv("x.csv", data, spec("string"))


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "_MOST_BYTES", 10)
    with pytest.raises(carton.InvalidTensorError, match=r"has 11 bytes.*give a \.npy"):
        read_csv("x.csv", b"1,2,3,4,5,6", spec())
