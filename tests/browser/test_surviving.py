"""What happens to a panel: its page is loaded again, its cell runs again, its kernel is busy, restarted, or gone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Opens, Shoots, Shows
from tests.browser.server import JupyterServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

BLOCKING = """
import time
from pathlib import Path
while not Path("go").exists():
    time.sleep(0.1)
"""
AWAITING = """
import asyncio
from pathlib import Path
while not Path("go").exists():
    await asyncio.sleep(0.1)
"""


async def test_a_page_that_is_loaded_again_shows_the_panel_as_it_was(show: Shows, shoot: Shoots) -> None:
    notebook = await show("brighten")
    await notebook.button("twice").click()
    await notebook.run_model()
    before = await notebook.picture("Outputs")
    await notebook.save()
    await notebook.page.reload()
    await notebook.ready()
    assert await notebook.picture("Outputs") == before
    await expect(notebook.field("gain")).to_have_value("2")
    await shoot(notebook)
    await notebook.field("gain").fill("0")
    await notebook.button("Run").click()
    await expect(notebook.region("History").get_by_role("button", name="Replay")).to_have_count(2)


async def test_a_cell_that_runs_again_has_one_panel(show: Shows, shoot: Shoots) -> None:
    notebook = await show("brighten")
    await notebook.run_source("first = panel")
    await notebook.run(1)
    await expect(notebook.panel).to_have_count(1)
    await notebook.button("twice").click()
    await expect(notebook.field("gain")).to_have_value("2")
    assert await notebook.python("[first.comm is None, panel.comm is None, first is panel]") == [True, False, False]
    await shoot(notebook)


@pytest.mark.parametrize("cell", [BLOCKING, AWAITING], ids=["blocks", "awaits"])
async def test_a_panel_lives_while_another_cell_is_busy(show: Shows, shoot: Shoots, cell: str) -> None:
    notebook = await show("patient")
    await notebook.button("a thousand").click()
    await expect(notebook.field("steps")).to_have_value("1000")  # a second thread of the kernel listens from here on
    busy = await notebook.start_source(cell)
    await notebook.button("a minute").click()
    await expect(notebook.field("pause")).to_have_value("60")
    await notebook.button("Run").click()
    await expect(notebook.status).to_contain_text("running")
    await shoot(notebook, whole=True)
    await notebook.button("Stop").click()
    await expect(notebook.status).to_contain_text("stopped")
    assert await notebook.is_running(busy)
    go = notebook.path.with_name("go")
    go.touch()
    await notebook.finished(busy)
    go.unlink()


async def test_a_panel_whose_notebook_was_restarted_says_so(show: Shows, shoot: Shoots) -> None:
    notebook = await show("brighten")
    await notebook.restart_kernel()
    await notebook.button("twice").click()
    await expect(notebook.status).to_contain_text("Run the cell again")
    await shoot(notebook)
    for cell in (0, 1):
        await notebook.run(cell)
    await notebook.button("twice").click()
    await expect(notebook.field("gain")).to_have_value("2")


async def test_a_saved_notebook_is_readable_without_a_kernel(
    show: Shows, open_notebook: Opens, lab: JupyterServer, shoot: Shoots
) -> None:
    notebook = await show("brighten")
    await notebook.button("twice").click()
    await notebook.run_model()
    await notebook.picture("Outputs")
    saved = await notebook.save()
    assert "widgets" not in saved.metadata
    card, panel = (output.data for output in saved.cells[1].outputs)
    assert "<script" not in card["text/html"]
    assert "Brighten" in card["text/plain"]
    assert "text/html" not in panel
    static = await open_notebook(lab, like=saved)
    await expect(static.page.get_by_text("Multiplies a picture by a gain.").first).to_be_visible()
    await shoot(static, name="saved-without-a-kernel", whole=True)


async def test_the_card_is_hidden_beside_the_panel_and_back_when_the_kernel_is_another(
    show: Shows, shoot: Shoots
) -> None:
    notebook = await show("brighten")
    card = notebook.page.locator(".carton-static")
    await expect(card).to_be_hidden()
    await notebook.save()
    await notebook.restart_kernel()
    await notebook.open()
    await expect(card).to_be_visible()
    complaint = notebook.page.get_by_text("Error displaying widget")
    await complaint.wait_for(state="attached")
    await expect(complaint).to_be_hidden()
    await shoot(notebook, name="trusted-without-a-panel", whole=True)
