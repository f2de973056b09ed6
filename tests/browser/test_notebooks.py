"""What the other tests stand on: cells run in the browser, fail, wait, are saved, and their kernels end."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Opens
from tests.browser.server import JupyterServer

STRAY = "import subprocess; stray = subprocess.Popen(['sleep', '60'])"

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_cell_runs_and_its_failure_is_noticed(open_notebook: Opens, lab: JupyterServer) -> None:
    notebook = await open_notebook(lab, "print(6 * 7)", "1 / 0", "")
    assert await notebook.run(0) == "42\n"
    with pytest.raises(RuntimeError, match="division by zero"):
        await notebook.run(1)
    assert await notebook.python("[1, {'a': 2}]") == [1, {"a": 2}]
    saved = await notebook.save()
    assert saved.cells[0].outputs[0].text == "42\n"


async def test_a_process_that_a_cell_leaves_would_be_found(open_notebook: Opens, lab: JupyterServer) -> None:
    before = set(lab.processes())
    notebook = await open_notebook(
        lab, "import subprocess", "p = subprocess.Popen(['sleep', '60'])", "p.kill(), p.wait()"
    )
    for cell in (0, 1):
        await notebook.run(cell)
    commands = [command for pid, command in lab.processes().items() if pid not in before]
    assert [command for command in commands if command.startswith("sleep")]
    await notebook.run(1)
