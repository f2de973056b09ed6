"""A notebook that is open in a browser, and what a user does with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from playwright.async_api import Error, Locator, Page, expect

from tests.browser.server import JupyterServer

PATIENCE = 40.0
"""Seconds for whatever the machine has to do, however busy it is."""

_SCRIPT = Path(__file__).with_name("page.js")


def write_notebook(path: Path, cells: Sequence[str | nbformat.NotebookNode]) -> None:
    """A notebook of cells, which are code unless they are given as cells."""
    made = [nbformat.v4.new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)


class NotebookPage:
    """A notebook in a page of its own.

    Attributes:
        page: the browser's page.
        path: the notebook's file.
        foreign: what the page asked of anything but this machine, which should be nothing.
        errors: of the panel's script, which should be none; what goes wrong in Jupyter's own is not ours to judge.
    """

    def __init__(self, page: Page, server: JupyterServer, name: str) -> None:
        self.page = page
        self.path = server.root / name
        self.foreign: list[str] = []
        self.errors: list[str] = []
        self._server = server
        self._is_dark = False
        page.on("request", lambda request: self._note(request.url))
        page.on("pageerror", lambda error: self.errors.extend(_of_ours(error)))

    @property
    def panel(self) -> Locator:
        """The panel; the only one, or each action on it fails."""
        return self.page.locator(".carton-panel")

    def button(self, name: str) -> Locator:
        """A button of the panel."""
        return self.panel.get_by_role("button", name=name, exact=True)

    def region(self, name: str) -> Locator:
        """A region of the panel."""
        return self.panel.get_by_role("region", name=name, exact=True)

    def field(self, name: str) -> Locator:
        """The editor of an input."""
        return self.region("Inputs").get_by_label(name, exact=True)

    @property
    def status(self) -> Locator:
        """The line that screen readers read out when it changes."""
        return self.panel.get_by_role("status")

    async def open(self) -> None:
        """Open it, and wait until its kernel is idle."""
        await self.page.add_init_script(path=_SCRIPT)
        await self.page.goto(self._server.page(self.path.name))
        await self.ready()

    async def ready(self) -> None:
        """Wait until the kernel is there and idle."""
        await self.page.wait_for_function("() => tests.isReady()", timeout=PATIENCE * 1000)

    async def start(self, index: int) -> None:
        """Run a cell, without waiting for it."""
        await self.page.evaluate("index => tests.start(index)", index)

    async def finished(self, index: int) -> str:
        """Wait for the cell that was started; gives the text it put out.

        Raises:
            RuntimeError: the cell failed.
        """
        await self._wait("index => tests.finished(index)", index)
        return _text(await self.page.evaluate("index => tests.outputs(index)", index))

    async def run(self, index: int) -> str:
        """Run a cell to its end; gives the text it put out."""
        await self.start(index)
        return await self.finished(index)

    async def start_source(self, source: str) -> int:
        """Run a text as the notebook's last cell, without waiting; gives the cell's index."""
        index = int(await self.page.evaluate("source => tests.write(source)", source))
        await self.start(index)
        return index

    async def run_source(self, source: str) -> str:
        """Run a text as the notebook's last cell to its end; gives the text it put out."""
        return await self.finished(await self.start_source(source))

    async def python(self, expression: str) -> Any:
        """The value of an expression in the kernel, as far as JSON goes."""
        return json.loads(await self.run_source(f"import json; print(json.dumps({expression}))"))

    async def is_running(self, index: int) -> bool:
        """Whether a cell that was started has not ended yet."""
        return bool(await self.page.evaluate("index => tests.running[index]", index))

    async def picture(self, region: str) -> dict[str, Any]:
        """The first picture of a region, once it is there: ``width``, ``height``, and the ``mean`` of each channel."""
        element = self.region(region).locator("img").first
        await element.wait_for()
        found = await self.page.wait_for_function("image => tests.picture(image)", arg=await element.element_handle())
        return dict(await found.json_value())

    async def run_model(self) -> None:
        """Click on Run, and wait until the model is done."""
        await self.button("Run").click()
        await expect(self.status).to_contain_text("done")

    async def command(self, name: str, **options: object) -> None:
        """Run a command of the application, as its menus do."""
        await self._wait("([name, options]) => tests.command(name, options)", [name, options])

    async def theme(self, *, dark: bool) -> None:
        """Show Jupyter's dark or light theme."""
        await self.command("apputils:change-theme", theme="JupyterLab Dark" if dark else "JupyterLab Light")
        shown = f"body[data-jp-theme-light='{str(not dark).lower()}']"
        await self.page.wait_for_selector(shown, state="attached")
        self._is_dark = dark

    async def restart_kernel(self) -> None:
        """Restart the notebook's kernel, and no cell."""
        await self._wait("() => tests.restart()")
        await self.ready()

    async def save(self) -> nbformat.NotebookNode:
        """Save the notebook; gives what the file holds."""
        await self._wait("() => tests.save()")
        return nbformat.read(self.path, as_version=4)

    async def shut_down(self) -> None:
        """End the notebook's kernel, and show the light theme again, which the server would remember."""
        if self._is_dark:
            await self.theme(dark=False)
        sessions = await (await self.page.request.get(f"{self._server.url}api/sessions")).json()
        for session in sessions:
            if session["path"] == self.path.name:
                await self.page.request.delete(f"{self._server.url}api/sessions/{session['id']}")

    async def _wait(self, script: str, argument: object = None) -> object:
        async with asyncio.timeout(PATIENCE):  # a script in the page knows no end of its own
            return await self.page.evaluate(script, argument)

    def _note(self, url: str) -> None:
        if not url.startswith((self._server.url, self._server.url.replace("http", "ws"), "blob:", "data:")):
            self.foreign.append(url)


def _of_ours(error: Error) -> list[str]:
    """What an error says, if its stack shows a script that came out of a widget."""
    stack = getattr(error, "stack", None) or ""
    return [f"{error}\n{stack}"] if "blob:" in stack else []


def _text(outputs: list[dict]) -> str:
    for output in outputs:
        if output["output_type"] == "error":
            raise RuntimeError("the cell failed:\n" + "\n".join(output["traceback"]))
    texts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
    return "".join("".join(text) for text in texts)
