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


def check_timeout(timeout: Any) -> None:
    """Refuse what is no number of seconds.

    Raises:
        SettingsError: it is neither `None` nor a number from 0 up.
    """
    if timeout is None or is_seconds(timeout):
        return
    raise SettingsError(
        f"timeout={timeout!r:.80} is no number of seconds; give one from 0 up, such as 2.5, or leave it out to wait "
        "for as long as it takes. (An input of that name goes into a dict.)"
    )
