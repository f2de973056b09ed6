"""What is in the cache, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict

import carton_runtime as carton


class CachedView(TypedDict):
    """One model."""

    name: str
    size: str
    used: str
    state: str


class CacheView(TypedDict):
    """The cache; `said` is what was just done to it."""

    rows: list[CachedView]
    total: str
    limit: str
    said: list[str]


def cache_view(
    models: Sequence[carton.cache.CachedModel], size: int, limit: int, said: Sequence[str] = ()
) -> CacheView:
    """What is in the cache; where it is differs between machines, and is left out.

    Args:
        models: the models.
        size: bytes in all.
        limit: bytes that it keeps to.
        said: what was just done to it.
    """
    rows = [_row(model) for model in models]
    return {"rows": rows, "total": size_text(size), "limit": size_text(limit), "said": list(said)}


def _row(model: carton.cache.CachedModel) -> CachedView:
    used = "now" if model.in_use else age_text(datetime.now(UTC) - model.used_at)
    state = "loaded" if model.in_use else ""
    return {"name": model.title, "size": size_text(model.size), "used": used, "state": state}


def size_text(size: float) -> str:
    """Bytes as people write them: ``1.2 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 9.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def age_text(age: timedelta) -> str:
    """How long ago something was: ``3 days ago``."""
    seconds = age.total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
