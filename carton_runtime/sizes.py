"""Amounts of memory and of disk, as people write them."""

from __future__ import annotations

import re

from carton_runtime.errors import SettingsError

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_TOO_MUCH = 1 << 63  # what no file system and no limit of a process can count
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\s*")


def parse_size(text: int | str) -> int:
    """Bytes, from a number of them or a text such as ``2 GB`` or ``512 MiB``.

    Raises:
        SettingsError: it is neither.
    """
    amount = text if isinstance(text, int) and not isinstance(text, bool) else _amount(text)
    if not 1 <= amount < _TOO_MUCH:
        raise SettingsError(f"{text!r:.80} is no amount of memory; write bytes, or a text such as '2 GB' or '512 MiB'")
    return int(amount)


def _amount(text: object) -> float:
    """Bytes; none where it says no amount."""
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    return float(found[1]) * _UNITS.get(found[2].lower(), 0) if found else 0.0
