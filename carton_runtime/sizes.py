"""Amounts of memory and of disk, as people write them."""

from __future__ import annotations

import re

from carton_runtime.errors import SettingsError

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


def parse_size(text: int | str) -> int:
    """Bytes, from a number of them or a text such as ``2 GB`` or ``512 MiB``.

    Raises:
        SettingsError: it is neither.
    """
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None or float(found[1]) == 0:
        raise SettingsError(f"{text!r} is no amount of memory; write bytes, or a text such as '2 GB' or '512 MiB'")
    return int(float(found[1]) * unit)
