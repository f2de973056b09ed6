"""Rows and columns of values as they are."""

from __future__ import annotations

import numpy as np

from carton_jupyter.previews.kinds import Array, Room, TablePreview
from carton_jupyter.previews.sampling import squeezed
from carton_jupyter.previews.wording import cut, first_text, joined, number_text

_CELL = 80


def table(array: Array, room: Room) -> TablePreview:
    """A table of at most two axes, or of structured values; those of one axis are a row, or a column if many.

    Args:
        array: values; leading axes of size 1 do not count.
        room: how many rows and columns.
    """
    if array.dtype.names:
        return _records(array.reshape(-1) if array.ndim != 1 else array, room)
    plane = _plane(squeezed(array, 2), room)
    shown = plane[: room.rows, : room.columns]
    columns = [str(number) for number in range(shown.shape[1])]
    rows = [[cell_text(cell) for cell in row] for row in shown]
    return {"kind": "table", "columns": columns, "rows": rows, "more": _more(plane.shape, shown.shape)}


def is_table(array: Array) -> bool:
    """Whether there are rows and columns."""
    return array.dtype.names is not None or 1 <= squeezed(array, 2).ndim <= 2


def cell_text(value: object) -> str:
    """One value, short."""
    return cut(value, _CELL) if isinstance(value, str) else cut(number_text(value, 6), _CELL)


def _plane(array: Array, room: Room) -> Array:
    if array.ndim == 2:
        return array
    return array[np.newaxis] if array.size <= room.columns else array[:, np.newaxis]


def _records(array: Array, room: Room) -> TablePreview:
    names = list(array.dtype.names or ())
    shown = names[: room.columns]
    rows = [[cell_text(record[name]) for name in shown] for record in array[: room.rows]]
    more = _more((array.size, len(names)), (len(rows), len(shown)))
    return {"kind": "table", "columns": [cut(name, _CELL) for name in shown], "rows": rows, "more": more}


def _more(there: tuple[int, ...], shown: tuple[int, ...]) -> str:
    return joined(
        *(first_text(part, whole, name) for part, whole, name in zip(shown, there, ("row", "column"), strict=True))
    )
