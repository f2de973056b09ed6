"""How it looks: in the dark, on a narrow screen, and to somebody who does not see it."""

from __future__ import annotations

import re

import pytest
from fix_js import FrontEnd
from playwright.async_api import expect

from tests.browser.conftest import Shoots, Shows
from tests.browser.frontend import NotebookPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

GRAVE = ("serious", "critical")

_LINES = """parts => parts.map((part) => {
  const text = document.createRange()
  text.selectNodeContents(part)
  return new Set([...text.getClientRects()].map((line) => line.top)).size
})"""


async def tried(show: Shows) -> NotebookPage:
    """A panel in which everything has happened."""
    notebook = await show("brighten")
    await notebook.button("twice").click()
    await notebook.run_model()
    await notebook.picture("Outputs")
    await notebook.button("Run self tests").click()
    await expect(notebook.region("Self tests")).to_contain_text("2 of 2 pass")
    return notebook


async def findings(notebook: NotebookPage) -> list[str]:
    """What is grave of what axe finds in the panel."""
    found = await notebook.page.evaluate("() => axe.run('.carton-panel')")
    rules = [rule for rule in found["violations"] if rule["impact"] in GRAVE]
    return [f"{rule['id']}: {node['html']} {node['failureSummary']}" for rule in rules for node in rule["nodes"]]


async def test_it_can_be_used_without_seeing_it(show: Shows, shoot: Shoots, front_end: FrontEnd) -> None:
    notebook = await tried(show)
    await notebook.page.add_script_tag(path=front_end.folder / "node_modules" / "axe-core" / "axe.min.js")
    await notebook.theme(dark=False)
    await shoot(notebook, name="light")
    light = await findings(notebook)
    await notebook.theme(dark=True)
    await shoot(notebook, name="dark")
    assert [*light, *await findings(notebook)] == []


async def test_axe_would_find_something(show: Shows, front_end: FrontEnd) -> None:
    notebook = await show("brighten")
    await notebook.page.add_script_tag(path=front_end.folder / "node_modules" / "axe-core" / "axe.min.js")
    await notebook.panel.evaluate("panel => panel.append(document.createElement('button'))")
    assert [text for text in await findings(notebook) if text.startswith("button-name")]


async def test_jupyters_own_rules_for_terms_do_not_break_them(show: Shows) -> None:
    notebook = await show("brighten")
    await notebook.button("About").click()
    await notebook.button("twice").click()
    await notebook.run_model()
    await notebook.region("Outputs").get_by_label("Show brightness as").select_option("statistics")
    for name, lines in (("Model card", ".cp-facts dt"), ("Outputs", ".cp-statistics :is(dt, dd)")):
        found = notebook.region(name).locator(lines)
        await expect(found.first).to_be_visible()
        assert max(await found.evaluate_all(_LINES)) == 1


async def test_its_colours_are_those_of_the_theme(show: Shows) -> None:
    notebook = await show("brighten")
    text = []
    for dark in (False, True):
        await notebook.theme(dark=dark)
        colour = await notebook.panel.evaluate("panel => getComputedStyle(panel).color")
        text.append([float(value) for value in re.findall(r"[\d.]+", colour)][:3])
    assert max(text[0]) < 64
    assert min(text[1]) > 192


async def test_it_is_readable_at_400_pixels(show: Shows, shoot: Shoots) -> None:
    notebook = await tried(show)
    await notebook.panel.evaluate("panel => { panel.parentElement.style.width = '400px' }")
    await shoot(notebook, name="narrow")
    wide = """panel => [...panel.querySelectorAll('*')].filter((part) => {
      const edge = panel.getBoundingClientRect().right
      const scrolls = part.closest('.cp-scroll, .cp-wide, pre, details:not([open])')
      return part.getBoundingClientRect().right > edge + 1 && !scrolls
    }).map((part) => part.outerHTML.slice(0, 200))"""
    assert await notebook.panel.evaluate("panel => panel.getBoundingClientRect().width") <= 400
    assert await notebook.panel.evaluate(wide) == []
