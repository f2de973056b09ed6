"""``python -m tests.bench [row …] [--json]``: measure and print."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from tests.bench.home import Home
from tests.bench.rows_cache import large_carton
from tests.bench.rows_calls import callers, one_ms, small_call, ticker
from tests.bench.rows_load import warm_load
from tests.bench.rows_memory import large, shared
from tests.bench.rows_notebook import notebook
from tests.bench.rows_panel import panel
from tests.bench.rows_peers import peers
from tests.bench.rows_previews import previews
from tests.bench.rows_remote import remote_card
from tests.bench.rows_shapes import sealed, shapes, streaming
from tests.bench.table import Row, markdown

ROWS: dict[str, Callable[[Home], list[Row]]] = {
    "warm-load": warm_load,
    "large-carton": large_carton,
    "remote-card": remote_card,
    "small-call": small_call,
    "ticker": ticker,
    "notebook": notebook,
    "panel": panel,
    "one-ms": one_ms,
    "large": large,
    "shared": shared,
    "callers": callers,
    "shapes": shapes,
    "streaming": streaming,
    "sealed": sealed,
    "previews": previews,
    "peers": peers,
}


def main() -> None:
    """Measure the rows that were asked for, or all."""
    parser = _parser()
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.rows if name not in ROWS]:
        parser.error(f"no row is called {unknown[0]!r}")
    found: list[Row] = []
    with Home(scale=arguments.scale) as home:
        for name in arguments.rows or ROWS:
            sys.stderr.write(f"{name} …\n")
            found += ROWS[name](home)
    text = json.dumps([row.as_dict() for row in found], indent=1) if arguments.json else markdown(found)
    sys.stdout.write(f"{text}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What isolation costs, as a table.")
    parser.add_argument("rows", nargs="*", metavar="row", help=f"which to measure: {', '.join(ROWS)}")
    parser.add_argument("--json", action="store_true", help="print JSON and not a table")
    parser.add_argument("--scale", type=float, default=1.0, help="how much to measure; 0.1 is a quick look")
    return parser


if __name__ == "__main__":
    main()
