"""The same panel in Notebook 7."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Shoots, Shows
from tests.browser.server import JupyterServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_model_is_tried(show: Shows, notebook_server: JupyterServer, shoot: Shoots) -> None:
    notebook = await show("brighten", server=notebook_server)
    await notebook.button("twice").click()
    await notebook.run_model()
    assert (await notebook.picture("Outputs"))["width"] == 160
    await notebook.button("Run self tests").click()
    await expect(notebook.region("Self tests")).to_contain_text("2 of 2 pass")
    await shoot(notebook, whole=True)
