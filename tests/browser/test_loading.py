"""A carton far away: its card first, then the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from carton_runtime.testing.range_server import RangeServer
from tests.browser.conftest import Opens, Shoots
from tests.browser.server import JupyterServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def web() -> Iterator[RangeServer]:
    with RangeServer() as server:
        yield server


async def test_the_card_of_a_url_comes_before_the_model(
    open_notebook: Opens, lab: JupyterServer, web: RangeServer, brighten: Path, shoot: Shoots
) -> None:
    url = web.serve("brighten.carton", brighten)
    notebook = await open_notebook(lab, f"from carton_jupyter.panel import CartonPanel\nCartonPanel({url!r})")
    await notebook.run(0)
    await expect(notebook.region("Model card")).to_contain_text("Brighten")
    await expect(notebook.button("Load")).to_be_visible()
    await expect(notebook.button("Run")).to_have_count(0)
    assert len(web.requests("brighten.carton")) <= 3
    await shoot(notebook, name="card-of-a-url")
    await notebook.button("Load").click()
    await expect(notebook.region("Kernel")).to_contain_text("idle")
    await notebook.button("twice").click()
    await notebook.run_model()
    assert (await notebook.picture("Outputs"))["width"] == 160
    await shoot(notebook, name="model-of-a-url")


async def test_a_url_that_leads_nowhere_says_so(
    open_notebook: Opens, lab: JupyterServer, web: RangeServer, brighten: Path, shoot: Shoots
) -> None:
    url = web.serve("brighten.carton", brighten)
    notebook = await open_notebook(lab, f"from carton_jupyter.panel import CartonPanel\nCartonPanel({url!r})")
    await notebook.run(0)
    await expect(notebook.button("Load")).to_be_visible()
    web.close()
    await notebook.button("Load").click()
    await expect(notebook.panel.get_by_role("alert")).to_be_visible()
    await expect(notebook.button("Load")).to_be_enabled()
    await shoot(notebook)
