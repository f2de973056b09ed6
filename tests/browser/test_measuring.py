"""What the bench asks of the page can be asked. No time is judged here."""

from __future__ import annotations

from pathlib import Path

from tests.bench.home import Home
from tests.bench.rows_panel import panel


def test_the_panel_is_measured(chromium_program: str, tmp_path: Path) -> None:
    with Home(tmp_path, scale=0.02) as home:
        rows = panel(home)
    assert len(rows) == 3
    assert all(row.measured is not None and row.measured > 0 for row in rows)
