"""From what is configured to what a carton may hold."""

from __future__ import annotations

from dataclasses import fields

from carton_runtime.format.limits import Limits
from carton_runtime.settings import Settings


def limits_of(settings: Settings) -> Limits:
    """The limits that are configured: each of them is the setting of its name with ``limit_`` before it."""
    return Limits(**{item.name: getattr(settings, f"limit_{item.name}") for item in fields(Limits)})
