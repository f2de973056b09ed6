"""``python -m tests.browser.picture``: takes the README's pictures of the panel, in light and dark."""

from __future__ import annotations

import asyncio
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, expect

from tests.bench.home import Home
from tests.browser import chromium, models
from tests.browser.frontend import NotebookPage, write_notebook
from tests.browser.server import JupyterServer

_NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
_CELLS = ("%load_ext carton_jupyter", "model = %carton_load brighten.carton\nmodel")
_VIEW = {"width": 1180, "height": 1500}
_SHARPNESS = 1.5


async def take(browser: Browser, server: JupyterServer) -> None:
    """Try the model, and take a picture in each theme."""
    write_notebook(server.root / "picture.ipynb", _CELLS)
    page = await browser.new_page(viewport=_VIEW, device_scale_factor=_SHARPNESS)
    notebook = NotebookPage(page, server, "picture.ipynb")
    await notebook.open()
    await notebook.command("application:toggle-left-area")
    await notebook.run(0)
    await notebook.run(1)
    for example, gain in (("half", "0.5"), ("twice", "2")):
        await notebook.button(example).click()
        await expect(notebook.field("gain")).to_have_value(gain)
        await notebook.run_model()
    await notebook.button("Run self tests").click()
    await expect(notebook.region("Self tests")).to_contain_text("2 of 2 pass")
    await page.mouse.move(0, 0)
    for dark, name in ((False, "panel.png"), (True, "panel-dark.png")):
        await notebook.theme(dark=dark)
        _write(_NOTEBOOKS / name, await page.locator(".jp-Notebook-cell").nth(1).screenshot())
    await notebook.shut_down()


def _write(path: Path, png: bytes) -> None:
    """The browser is in a hurry; this makes the file smaller."""
    Image.open(io.BytesIO(png)).convert("RGB").save(path, optimize=True)


async def main() -> None:
    """Pack the model, open a notebook, and take the pictures."""
    with tempfile.TemporaryDirectory() as name, JupyterServer(Path(name)) as server:
        await asyncio.to_thread(models.pack_brighten, server.root)
        async with chromium.chromium() as browser:
            await take(browser, server)


if __name__ == "__main__":
    with Home():
        asyncio.run(main())
