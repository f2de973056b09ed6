"""What inputs are filled with: files, variables, and what is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser import models
from tests.browser.conftest import Shoots, Shows

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_picture_is_uploaded(show: Shows, shoot: Shoots, tmp_path: Path) -> None:
    notebook = await show("brighten")
    file = tmp_path / "hills.png"
    file.write_bytes(models.png(models.evening(64, 48)))
    await notebook.panel.get_by_label("File for picture", exact=True).set_input_files(file)
    await expect(notebook.region("Inputs")).to_contain_text("hills.png")
    await expect(notebook.region("Inputs")).to_contain_text("48")
    await notebook.field("gain").fill("1")
    await notebook.run_model()
    picture = await notebook.picture("Outputs")
    assert (picture["width"], picture["height"]) == (64, 48)
    await shoot(notebook)


async def test_a_large_array_is_uploaded_in_pieces(show: Shows, shoot: Shoots, tmp_path: Path) -> None:
    notebook = await show("brighten")
    file = tmp_path / "large.npy"
    large = np.random.default_rng(1).integers(0, 100, (2000, 2000, 3), np.uint8)
    np.save(file, large)
    await notebook.panel.get_by_label("File for picture", exact=True).set_input_files(file)
    await expect(notebook.region("Inputs")).to_contain_text("large.npy")
    await notebook.field("gain").fill("1")
    await notebook.run_model()
    await notebook.picture("Outputs")
    assert await notebook.python("int(panel.result['image'].sum())") == int(large.sum())
    await shoot(notebook)


async def test_a_variable_of_the_notebook_is_used(show: Shows, shoot: Shoots) -> None:
    notebook = await show("brighten")
    await notebook.run_source("import numpy as np; black = np.zeros((40, 30, 3), np.uint8); word = 'no tensor'")
    await notebook.button("Use a variable for picture").click()
    await shoot(notebook, name="variables")
    await notebook.panel.get_by_role("button", name="black").click()
    await notebook.field("gain").fill("3")
    await notebook.run_model()
    picture = await notebook.picture("Outputs")
    assert picture == {"width": 30, "height": 40, "mean": [0, 0, 0]}
    await shoot(notebook)


async def test_an_array_that_does_not_fit_is_marked_at_its_axis(show: Shows, shoot: Shoots, tmp_path: Path) -> None:
    notebook = await show("brighten")
    file = tmp_path / "wrong.npy"
    np.save(file, np.zeros((10, 20, 4), np.uint8))
    await notebook.panel.get_by_label("File for picture", exact=True).set_input_files(file)
    await expect(notebook.region("Inputs")).to_contain_text("has size 4, its spec says 3")
    await expect(notebook.region("Inputs").locator("mark")).to_have_text(["3", "4"])
    await expect(notebook.button("Run")).to_be_disabled()
    await shoot(notebook)
