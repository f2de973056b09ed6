"""One server and one browser for all tests; a page, a notebook and a kernel for each."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
from nbformat import NotebookNode
from playwright.async_api import Browser, BrowserContext, expect

from tests.browser import chromium, models
from tests.browser.frontend import PATIENCE, NotebookPage, write_notebook
from tests.browser.server import JupyterServer

Opens = Callable[..., Coroutine[Any, Any, NotebookPage]]
Shows = Callable[..., Coroutine[Any, Any, NotebookPage]]
Shoots = Callable[..., Coroutine[Any, Any, None]]

ARTIFACTS = Path(__file__).resolve().parents[2] / "artifacts"
"""Where screenshots are kept, to be looked at; git ignores it."""

LOAD = """
import carton_runtime as carton
from carton_jupyter.panel import CartonPanel
model = await carton.load({path!r})
"""
SHOW = "panel = CartonPanel(model); panel"
_VIEW = {"width": 1280, "height": 2200}


@pytest.fixture(scope="session")
def chromium_program() -> str:
    program = chromium.program()
    if program is None:
        pytest.fail(chromium.MISSING) if os.environ.get("CI") else pytest.skip(chromium.MISSING)
    return program


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_program: str) -> AsyncIterator[Browser]:
    async with chromium.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(session_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """JupyterLab."""
    with JupyterServer(tmp_path_factory.mktemp("lab")) as server:
        yield server
    assert server.processes() == {}


@pytest.fixture(scope="session")
def notebook_server(session_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """Notebook 7."""
    with JupyterServer(tmp_path_factory.mktemp("notebook"), "notebook") as server:
        yield server
    assert server.processes() == {}


@pytest.fixture(scope="session")
def brighten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.pack_brighten(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.pack_patient(tmp_path_factory.mktemp("models"))


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport=_VIEW, permissions=["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE * 1000)
    expect.set_options(timeout=PATIENCE * 1000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_notebook(context: BrowserContext, request: pytest.FixtureRequest) -> AsyncIterator[Opens]:
    """Opens a notebook of these cells; proves at the end that its kernel and all its models are gone."""
    pages: list[NotebookPage] = []
    before: dict[JupyterServer, set[int]] = {}

    async def open_(server: JupyterServer, *cells: str, like: NotebookNode | None = None) -> NotebookPage:
        name = re.sub(r"\W+", "-", request.node.name) + f"-{len(pages)}.ipynb"
        write_notebook(server.root / name, like.cells if like else [*cells, ""])
        before.setdefault(server, set(server.processes()))
        notebook = NotebookPage(await context.new_page(), server, name)
        pages.append(notebook)
        await notebook.open()
        return notebook

    yield open_
    for notebook in pages:
        await notebook.shut_down()
    for server, processes in before.items():
        await _ended(set(server.processes()) - processes)
    assert [(notebook.foreign, notebook.errors) for notebook in pages] == [([], [])] * len(pages)


async def _ended(pids: set[int]) -> None:
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    _, alive = await asyncio.to_thread(psutil.wait_procs, left, timeout=PATIENCE)
    assert alive == []


@pytest_asyncio.fixture(loop_scope="session")
async def show(open_notebook: Opens, lab: JupyterServer, brighten: Path, patient: Path) -> Shows:
    """Opens a notebook whose second cell shows the panel of a loaded model, ``brighten`` or ``patient``."""
    cartons = {"brighten": brighten, "patient": patient}

    async def show_(name: str, server: JupyterServer = lab) -> NotebookPage:
        notebook = await open_notebook(server, LOAD.format(path=str(cartons[name])), SHOW)
        await notebook.run(0)
        await notebook.run(1)
        await notebook.panel.wait_for()
        return notebook

    return show_


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Shoots:
    """Takes a picture of the panel, or of the whole page, for people to look at."""

    async def take(notebook: NotebookPage, *, name: str = "", whole: bool = False) -> None:
        path = ARTIFACTS / f"{name or request.node.name}.png"
        target = notebook.page if whole else notebook.panel
        await target.screenshot(path=path)

    return take
