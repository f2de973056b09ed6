"""A model is tried in its panel: filled, run, stopped, and run again."""

from __future__ import annotations

import time

import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser import models
from tests.browser.conftest import Shoots, Shows
from tests.browser.frontend import NotebookPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

BRIGHT = (models.evening() * np.float32(2)).clip(0, 255)


async def fill(notebook: NotebookPage, **values: object) -> None:
    """Type into the editors of inputs."""
    for name, value in values.items():
        await notebook.field(name).fill(str(value))


async def test_an_example_fills_the_inputs_and_its_picture_comes_out(show: Shows, shoot: Shoots) -> None:
    notebook = await show("brighten")
    await notebook.button("twice").click()
    await expect(notebook.field("gain")).to_have_value("2")
    await notebook.run_model()
    picture = await notebook.picture("Outputs")
    assert (picture["width"], picture["height"]) == (160, 100)
    assert picture["mean"] == pytest.approx(list(BRIGHT.mean(axis=(0, 1))), abs=2)
    await shoot(notebook)
    assert await notebook.python("panel.result['image'].shape") == [100, 160, 3]


async def test_a_run_of_a_minute_is_stopped_within_a_second_and_the_model_runs_again(
    show: Shows, shoot: Shoots
) -> None:
    notebook = await show("patient")
    await notebook.button("a minute").click()
    await notebook.button("Run").click()
    await expect(notebook.status).to_contain_text("running")
    await shoot(notebook)
    start = time.monotonic()
    await notebook.button("Stop").click()
    await expect(notebook.status).to_contain_text("stopped")
    assert time.monotonic() - start < 1
    await fill(notebook, steps=3, pause=0)
    await notebook.run_model()
    assert await notebook.python("[int(run.outputs['step']) for run in panel.history if run.outputs]") == [2]


async def test_the_results_of_a_stream_are_shown_as_they_come(show: Shows, shoot: Shoots) -> None:
    notebook = await show("patient")
    await fill(notebook, steps=300, pause=0.01)
    await notebook.button("Run").click()
    await expect(notebook.region("Outputs")).to_contain_text("step")
    await expect(notebook.status).to_contain_text("running")
    await shoot(notebook)
    await expect(notebook.status).to_contain_text("done")
    await expect(notebook.region("Outputs")).to_contain_text("299")


async def test_everything_can_be_done_with_the_keyboard(show: Shows, shoot: Shoots) -> None:
    notebook = await show("brighten")
    await notebook.button("twice").focus()
    await notebook.page.keyboard.press("Enter")
    await expect(notebook.field("gain")).to_have_value("2")
    await notebook.field("gain").focus()
    await notebook.page.keyboard.press("ControlOrMeta+a")
    await notebook.page.keyboard.type("0.5")
    await notebook.page.keyboard.press("Control+Enter")
    await expect(notebook.status).to_contain_text("done")
    picture = await notebook.picture("Outputs")
    assert picture["mean"] == pytest.approx(list((models.evening() * 0.5).mean(axis=(0, 1))), abs=2)
    await expect(notebook.field("gain")).to_be_focused()
    await shoot(notebook)


async def test_a_run_is_replayed_and_copied_as_code(show: Shows, shoot: Shoots) -> None:
    notebook = await show("patient")
    await fill(notebook, steps=2, pause=0)
    await notebook.run_model()
    await fill(notebook, steps=5)
    await notebook.region("History").get_by_role("button", name="Replay").click()
    await expect(notebook.region("History").get_by_role("button", name="Replay")).to_have_count(2)
    await expect(notebook.field("steps")).to_have_value("2")
    await notebook.button("Copy as code").first.click()
    await shoot(notebook)
    code = await notebook.page.evaluate("() => navigator.clipboard.readText()")
    assert "steps" in code
    await notebook.run_source(code)
    assert await notebook.python("model.kernel.statistics.calls") == 3


async def test_self_tests_are_run(show: Shows, shoot: Shoots) -> None:
    notebook = await show("brighten")
    await notebook.button("Run self tests").click()
    await expect(notebook.region("Self tests")).to_contain_text("2 of 2 pass")
    await expect(notebook.region("Self tests").get_by_role("row")).to_have_count(3)
    await shoot(notebook)


async def test_a_model_whose_process_is_killed_says_so_and_runs_again(show: Shows, shoot: Shoots) -> None:
    notebook = await show("patient")
    await notebook.button("a minute").click()
    await notebook.button("Run").click()
    await expect(notebook.status).to_contain_text("running")
    await notebook.run_source("import os, signal; os.kill(model.kernel.pid, signal.SIGKILL)")
    await expect(notebook.panel).to_contain_text("killed")
    await expect(notebook.status).to_contain_text("failed")
    await shoot(notebook)
    await fill(notebook, steps=1, pause=0)
    await notebook.run_model()


async def test_an_output_is_saved_as_a_file(show: Shows) -> None:
    notebook = await show("brighten")
    await notebook.button("twice").click()
    await notebook.run_model()
    async with notebook.page.expect_download() as download:
        await notebook.button("Save image as .npy").first.click()
    saved = np.load(await (await download.value).path())
    np.testing.assert_array_equal(saved, BRIGHT.astype(np.uint8))


async def test_the_kernel_is_restarted_and_unloaded(show: Shows, shoot: Shoots) -> None:
    notebook = await show("patient")
    strip, before = notebook.region("Kernel"), await notebook.python("model.kernel.pid")
    await expect(strip).to_contain_text(f"pid {before}")
    await notebook.button("Restart kernel").click()
    await expect(strip).not_to_contain_text(f"pid {before}")
    await fill(notebook, steps=1, pause=0)
    await notebook.run_model()
    assert await notebook.python("model.kernel.pid") != before
    await notebook.button("Unload").click()
    await expect(strip).to_have_count(0)
    assert await notebook.python("model.is_closed") is True
    await shoot(notebook)
