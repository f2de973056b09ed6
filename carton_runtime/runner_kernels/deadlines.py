"""How long a caller is willing to wait."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from carton_runtime.errors import SettingsError

_TOO_MUCH = 1 << 100  # seconds: more than there will be, and a number for any type of number


def check_timeout(timeout: Any) -> None:
    """Refuse what is no number of seconds.

    Raises:
        SettingsError: it is neither `None` nor a number from 0 up.
    """
    if timeout is None or timeout == math.inf:
        return
    is_number = isinstance(timeout, Real) and not isinstance(timeout, (bool, np.bool_))
    if is_number and timeout >= 0 and timeout < _TOO_MUCH:
        return
    raise SettingsError(
        f"timeout={timeout!r:.80} is no number of seconds; give one from 0 up, such as 2.5, or leave it out to wait "
        "for as long as it takes. (An input of that name goes into a dict.)"
    )
