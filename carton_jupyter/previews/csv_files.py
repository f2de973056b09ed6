"""Arrays from .csv files."""

from __future__ import annotations

import csv
import io

import numpy as np

import carton_runtime as carton
from carton_jupyter.previews.fitting import fitted
from carton_jupyter.previews.kinds import Array
from carton_jupyter.previews.strings import string_array

_MOST_BYTES = 64 << 20
_DELIMITERS = ",;\t"


def read_csv(name: str, data: bytes, spec: carton.TensorSpec | None) -> Array:
    """The values in a file, separated by commas, semicolons or tabs; [rows, columns], or [values] if the spec says so.

    A first row of names is left out where numbers are wanted.

    Raises:
        InvalidTensorError: it is too large, is not text, or holds what the spec does not want.
    """
    if len(data) > _MOST_BYTES:
        raise carton.InvalidTensorError(
            f"{name!r} has {len(data):,} bytes; a .csv may have {_MOST_BYTES:,}: give a .npy"
        )
    text = read_text(name, data)
    delimiter = _delimiter(text)
    if spec is not None and spec.dtype == "string":
        values = _strings(name, text, delimiter)
    else:
        values = _numbers(name, text, delimiter, spec)
    return _shaped(fitted(values, spec, repr(name)), spec)


def read_text(name: str, data: bytes) -> str:
    """The text in a file.

    Raises:
        InvalidTensorError: it is not in UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise carton.InvalidTensorError(f"{name!r} is not text in UTF-8: {error}; save it as UTF-8") from error


def _delimiter(text: str) -> str:
    line = text.partition("\n")[0]
    return max(_DELIMITERS, key=line.count)


def _numbers(name: str, text: str, delimiter: str, spec: carton.TensorSpec | None) -> Array:
    wanted = spec.dtype if spec is not None else "float64"
    dtype = wanted if wanted in ("int64", "uint64") else "float64"  # what float64 holds exactly is fitted afterwards
    skipped = _has_names(text, delimiter)
    if not text.partition("\n")[2 if skipped else 0].strip():
        raise carton.InvalidTensorError(f"{name!r} holds no numbers")
    try:
        return np.loadtxt(
            io.StringIO(text), dtype, comments=None, delimiter=delimiter, skiprows=int(skipped), ndmin=2, quotechar='"'
        )
    except (ValueError, OverflowError) as error:
        raise carton.InvalidTensorError(f"{name!r} is not a table of {wanted}: {error}") from error


def _has_names(text: str, delimiter: str) -> bool:
    """Whether no value of the first row is a number."""
    cells = [cell.strip().strip('"') for cell in text.partition("\n")[0].split(delimiter)]
    return not any(map(_is_number, cells)) and any(cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _strings(name: str, text: str, delimiter: str) -> Array:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error as error:
        raise carton.InvalidTensorError(f"{name!r} is no .csv that can be read: {error}") from error
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise carton.InvalidTensorError(
            f"{name!r} has rows of {min(widths)} and of {max(widths)} values; make them alike"
        )
    texts = string_array([cell for row in rows for cell in row], repr(name))
    return texts.reshape(len(rows), -1 if rows else 0)


def _shaped(values: Array, spec: carton.TensorSpec | None) -> Array:
    """One row, one column or one value without the axes that the spec has not."""
    axes = len(spec.shape) if spec is not None and isinstance(spec.shape, tuple) else 2
    if axes == 1 and 1 in values.shape:
        return values.reshape(-1)
    return values.reshape(()) if axes == 0 and values.size == 1 else values
