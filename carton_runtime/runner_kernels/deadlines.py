"""What is a number of seconds, such as a caller is willing to wait."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from carton_runtime.errors import SettingsError

_TOO_MUCH = 1 << 100  # seconds: more than there will be, and a number for any type of number


def is_seconds(value: Any) -> bool:
    """Whether a value is a number of seconds to wait: from 0 up, for ever included."""
    is_number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    return is_number and bool(0 <= value < _TOO_MUCH or value == math.inf)


_AS_INPUT = " (An input of that name goes into a dict.)"


def check_timeout(timeout: Any, name: str = "timeout", hint: str = _AS_INPUT) -> None:
    """Refuse what is no number of seconds.

    Raises:
        SettingsError: it is neither `None` nor a number from 0 up; the message names it, and ends with `hint`.
    """
    if timeout is None or is_seconds(timeout):
        return
    raise SettingsError(
        f"{name}={timeout!r:.80} is no number of seconds; give one from 0 up, such as 2.5, or leave it out to wait "
        f"for as long as it takes.{hint}"
    )
