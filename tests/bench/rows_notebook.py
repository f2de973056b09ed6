"""The small call from a cell of a running notebook kernel."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from tests.bench.home import Home
from tests.bench.table import Row

_ROOT = Path(__file__).resolve().parents[2]
_CELL = """
import json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.bench.home import Home
from tests.bench.rows_calls import awaited_calls, awaited_ticker
with Home(Path({folder!r}), {scale}) as home:
    rows = [*await awaited_calls(home, "notebook cell"), *await awaited_ticker(home, "notebook cell")]
print(json.dumps([row.as_dict() for row in rows]))
"""
_LONGEST = 600


def notebook(home: Home) -> list[Row]:
    """Calls and the ticker, awaited in a cell."""
    _ = home.carton
    with _kernel() as client:
        text = _output(client, _CELL.format(root=str(_ROOT), folder=str(home.folder), scale=home.scale))
    return [Row.from_dict(fields) for fields in json.loads(text)]


@contextmanager
def _kernel() -> Iterator[BlockingKernelClient]:
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def _output(client: BlockingKernelClient, cell: str) -> str:
    printed: list[str] = []

    def note(message: dict) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            printed.append(message["content"]["text"])
        elif message["msg_type"] == "error":
            sys.stderr.write("\n".join(message["content"]["traceback"]) + "\n")

    reply = client.execute_interactive(cell, output_hook=note, timeout=_LONGEST)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(f"the cell failed: {reply['content']['evalue']}")
    return "".join(printed)
