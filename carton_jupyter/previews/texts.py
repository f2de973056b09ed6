"""Texts, JSON among them, single values and the parts of nested tensors."""

from __future__ import annotations

import json

import carton_runtime as carton
from carton_jupyter.previews.figures import NUMBERS, figures_of, figures_text
from carton_jupyter.previews.kinds import Array, JsonPreview, NestedPreview, Part, Room, TextPreview
from carton_jupyter.previews.sampling import first, sample
from carton_jupyter.previews.wording import clean, count_text, cut, first_text, joined, number_text, shape_text

_LARGEST_JSON = 1 << 20
_MOST_CHARACTERS = 50_000
_FEW = 12


def text(array: Array, room: Room) -> TextPreview:
    """The first texts; of what is neither text nor number, what Python writes for it."""
    texts: list[str] = []
    left = _MOST_CHARACTERS
    for value in first(array, room.texts):
        written = value if isinstance(value, str) else _written(value)
        texts.append(cut(written, min(room.characters, max(left, 80))))
        left -= len(texts[-1])
    return {"kind": "text", "texts": texts, "more": first_text(len(texts), array.size, "text")}


def parsed(array: Array) -> str | None:
    """The JSON that the only string of an array is, indented; `None` where it is none."""
    if array.dtype.kind != "U" or array.size != 1 or array.itemsize > 4 * _LARGEST_JSON:
        return None
    written = str(array.reshape(-1)[0]).strip()
    if not written.startswith(("{", "[")):
        return None
    try:
        return json.dumps(json.loads(written), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None


def json_text(array: Array, room: Room) -> JsonPreview:
    """The JSON that an array of one string holds."""
    whole = parsed(array) or ""
    most = min(5 * room.characters, _MOST_CHARACTERS)
    more = f"the first {most:,} of {count_text(len(whole), 'character')}" if len(whole) > most else ""
    return {"kind": "json", "text": clean(whole[:most]), "more": more}


def nested(value: carton.NestedTensor, room: Room) -> NestedPreview:
    """The first parts of a nested tensor."""
    parts = value.arrays[: room.rows]
    rows: list[Part] = [{"shape": shape_text(part.shape), "text": line_text(part)} for part in parts]
    return {"kind": "nested", "rows": rows, "more": first_text(len(rows), len(value), "part")}


def line_text(array: Array) -> str:
    """What is in an array, on one line: its values where they are few, else figures or the first of them."""
    if array.size <= _FEW or array.dtype.kind not in NUMBERS:
        shown = [_short(value) for value in first(array, _FEW)]
        more = first_text(len(shown), array.size, "value")
        return shown[0] if array.ndim == 0 else joined(f"[{', '.join(shown)}]", more)
    return figures_text(figures_of(sample(array)))


def _short(value: object) -> str:
    return json.dumps(cut(value, 60), ensure_ascii=False) if isinstance(value, str) else cut(number_text(value, 4), 60)


def _written(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  # an object's own code, which may do anything
        return f"<{type(value).__name__} that cannot be written: {type(error).__name__}>"
