"""The panel in a browser: how long until something is on the screen, and whether the page stays alive."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Locator, expect

from tests.bench.home import Home
from tests.bench.table import Row
from tests.browser import chromium, models
from tests.browser.frontend import PATIENCE, NotebookPage, write_notebook
from tests.browser.server import JupyterServer

_SIDE = 1182
"""Pixels: a square picture of 4.2 MB."""

_LEAST_SIDE = 100
_MOST = 0.5
_LONGEST_FRAME = 0.25
_SETUP = """
import numpy as np
from PIL import Image
import carton_runtime as carton
from carton_jupyter.panel import CartonPanel

noise = np.random.default_rng(1).integers(0, 128, ({side}, {side}, 3), np.uint8)
model = await carton.load({brighten!r})
patient = await carton.load({patient!r})
"""
_CELLS = (_SETUP, "panel = CartonPanel(model); panel", "Image.fromarray(noise)", "CartonPanel(patient)", "")
_PANEL, _PICTURE, _STREAM = 1, 2, 3


def panel(home: Home) -> list[Row]:
    """What a user waits for, beside the same from a plain cell."""
    if chromium.program() is None:
        return [Row("panel", None, note=chromium.MISSING)]
    return asyncio.run(_rows(home))


async def _rows(home: Home) -> list[Row]:
    side = max(_LEAST_SIDE, round(_SIDE * min(1.0, home.scale**0.5)))
    async with _notebook(side) as notebook:
        shown, plain = [], []
        for _ in range(home.times(5)):
            shown.append(await _cell(notebook, _PANEL, ".carton-panel [aria-label=Inputs]"))
            plain.append(await _cell(notebook, _PICTURE, ".jp-OutputArea img[src^=data]"))
        await _fill(notebook)
        picture = [await _run(notebook) for _ in range(home.times(5))]
        quiet, stream, rate = await _frames(notebook, home)
    megabytes = f"{side * side * 3 / 1e6:.2g} MB"
    base = f"baseline: a cell that shows a picture of {megabytes}"
    frames = f"{rate:,.0f} results/s; baseline: nothing happens"
    return [
        Row("panel on screen", statistics.median(shown), statistics.median(plain), "ms", limit=_MOST, note=base),
        Row(
            f"{megabytes} picture on screen",
            statistics.median(picture),
            statistics.median(plain),
            "ms",
            limit=_MOST,
            note=base,
        ),
        Row("stream, longest time between two frames", stream, quiet, "ms", limit=_LONGEST_FRAME, note=frames),
    ]


@asynccontextmanager
async def _notebook(side: int) -> AsyncIterator[NotebookPage]:
    with tempfile.TemporaryDirectory(prefix="carton-bench-") as name:
        folder = Path(name)
        paths = await asyncio.to_thread(lambda: [models.pack_brighten(folder), models.pack_patient(folder)])
        cells = [cell.format(side=side, brighten=str(paths[0]), patient=str(paths[1])) for cell in _CELLS]
        with JupyterServer(folder) as server:
            write_notebook(server.root / "bench.ipynb", cells)
            async with chromium.chromium() as browser:
                page = await browser.new_page(viewport={"width": 1200, "height": 2400})
                page.set_default_timeout(PATIENCE * 1000)
                notebook = NotebookPage(page, server, "bench.ipynb")
                await notebook.open()
                await notebook.run(0)
                yield notebook
                await notebook.shut_down()


async def _cell(notebook: NotebookPage, index: int, selector: str) -> float:
    """Seconds from the moment the cell is run to the one when its output is on the screen."""
    script = "([index, selector]) => tests.cellShown(index, selector)"
    milliseconds = await notebook.page.evaluate(script, [index, selector])
    return float(milliseconds) / 1000


async def _fill(notebook: NotebookPage) -> None:
    panel = notebook.page.locator(".carton-panel").first
    await panel.get_by_label("Use a variable for picture").click()
    await panel.get_by_role("button", name="noise").click()
    await panel.get_by_label("gain", exact=True).fill("1")


async def _run(notebook: NotebookPage) -> float:
    """Seconds from the click on Run until the model's picture is on the screen."""
    run = notebook.page.locator(".carton-panel").first.get_by_role("button", name="Run", exact=True)
    await expect(run).to_be_enabled()
    return float(await notebook.page.evaluate("() => tests.runShown()")) / 1000


async def _frames(notebook: NotebookPage, home: Home) -> tuple[float, float, float]:
    """The longest time between two frames when nothing happens and when results stream in, and results per second."""
    await notebook.run(_STREAM)
    count = home.times(5000)
    panel = notebook.page.locator(".carton-panel").last
    await panel.get_by_label("steps", exact=True).fill(str(count))
    await panel.get_by_label("pause", exact=True).fill("0")
    quiet = await _longest_frame(notebook, lambda: asyncio.sleep(home.times(3)))
    start = time.perf_counter()
    busy = await _longest_frame(notebook, lambda: _stream(panel))
    return quiet, busy, count / (time.perf_counter() - start)


async def _stream(panel: Locator) -> None:
    await panel.get_by_role("button", name="Run", exact=True).click()
    await panel.get_by_role("status").get_by_text("done").wait_for()


async def _longest_frame(notebook: NotebookPage, happens: Callable[[], Awaitable[object]]) -> float:
    await notebook.page.evaluate("() => tests.watchFrames()")
    await happens()
    return float(await notebook.page.evaluate("() => tests.longestFrame()")) / 1000
