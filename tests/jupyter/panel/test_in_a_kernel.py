"""The panel in a real Jupyter kernel, whose front end speaks its protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fix_models import Packed

import carton_runtime as carton

WIDGET = "application/vnd.jupyter.widget-view+json"
SLEEPS = """
import time

def run(tensors):
    time.sleep(float(tensors["x"]))
    return {"out": tensors["x"] * 2}
"""

Message = dict[str, Any]


class Notebook:
    """Runs cells by their ids, and talks to the panels that they show."""

    def __init__(self, kernel: Any) -> None:
        self.client = kernel.client
        self._manager = kernel.manager
        self.subshell: str | None = None
        self.seen: list[Message] = []
        self._count = 0

    def start(self, code: str, cell: str) -> str:
        """Start a cell; gives the number of the request."""
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        return self._send("execute_request", content, metadata={"cellId": cell})

    def run(self, code: str, cell: str) -> list[Message]:
        """Run a cell: the messages that it gave."""
        request = self.start(code, cell)
        self.until(lambda message: is_idle(message, request))
        found = [message for message in self.seen if message["parent_header"].get("msg_id") == request]
        errors = [message["content"]["evalue"] for message in found if message["msg_type"] == "error"]
        assert not errors
        return found

    def ask(self, panel: str, do: str, **fields: Any) -> int:
        """Ask a panel, over a subshell where there is one; gives the number of the request."""
        self._count += 1
        data = {"method": "custom", "content": {"id": self._count, "do": do, **fields}}
        self._send("comm_msg", {"comm_id": panel, "data": data}, subshell=self.subshell)
        return self._count

    def answer(self, number: int) -> Message:
        """The answer to a request."""

        def is_answer(message: Message) -> bool:
            content = message["content"].get("data", {}).get("content", {})
            return content.get("id") == number and "ack" not in content

        return self.until(is_answer)["content"]["data"]["content"]

    def phase(self, panel: str, phase: str) -> None:
        """Wait until a panel shows that its run is in a phase."""

        def shows(message: Message) -> bool:
            content = message["content"]
            state = content.get("data", {}).get("state", {})
            return content.get("comm_id") == panel and state.get("run", {}).get("phase") == phase

        self.until(shows)

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Read until a message comes; those that came before count too."""
        for message in self.seen:
            if wanted(message):
                return message
        while True:
            self.seen.append(self.client.get_iopub_msg(timeout=60))
            if wanted(self.seen[-1]):
                return self.seen[-1]

    def interrupt(self, cell: str) -> None:
        """End a cell that would go on for long."""
        self._manager.interrupt_kernel()
        self.until(lambda message: is_idle(message, cell))

    def open_subshell(self) -> None:
        """Have panels asked over a subshell, as JupyterLab does; skips the test where a kernel has none."""
        self.client.kernel_info()
        info = self.client.get_shell_msg(timeout=60)
        while info["msg_type"] != "kernel_info_reply":  # replies to cells come before
            info = self.client.get_shell_msg(timeout=60)
        if "kernel subshells" not in info["content"].get("supported_features", ()):
            pytest.skip("this ipykernel has no subshells: a cell that blocks keeps every message waiting")
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        self.subshell = self.client.get_control_msg(timeout=60)["content"]["subshell_id"]

    def _send(
        self, kind: str, content: Message, *, metadata: Message | None = None, subshell: str | None = None
    ) -> str:
        message = self.client.session.msg(kind, content, metadata=metadata)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])


def is_idle(message: Message, request: str) -> bool:
    """Whether a message says that a request is done with."""
    state = message["content"].get("execution_state")
    return state == "idle" and message["parent_header"].get("msg_id") == request


def shown_by(messages: list[Message]) -> Message:
    """What a cell shows."""
    kinds = ("execute_result", "display_data")
    shown: Message = {}
    for message in messages:
        if message["msg_type"] in kinds:
            shown = {**message["content"]["data"], **shown}  # the card comes before the panel, and its text counts
    return shown


def closed_by(messages: list[Message]) -> list[str]:
    """The connections that were closed."""
    return [message["content"]["comm_id"] for message in messages if message["msg_type"] == "comm_close"]


@pytest.fixture(scope="module")
def path(packed: Packed) -> Path:
    specs = [carton.TensorSpec(name, "float64", []) for name in ("x", "out")]
    return packed(
        {"main.py": SLEEPS + "class Model:\n    infer_with_tensors = staticmethod(run)\n\nget_model = Model\n"},
        model_name="Sleeps", inputs=specs[:1], outputs=specs[1:],
    )  # fmt: skip


@pytest.fixture
def notebook(kernel: Any, path: Path) -> Iterator[Notebook]:
    """A notebook in which a model is loaded as ``m``."""
    made = Notebook(kernel)
    made.run(f"%config CartonMagics.progress = 'off'\nm = %carton_load {path}", "load")
    yield made
    made.run("await m.aclose()\ndel m", "end")


def test_a_model_at_the_end_of_a_cell_is_shown_as_a_panel(notebook: Notebook) -> None:
    shown = shown_by(notebook.run("m", "a"))
    assert shown[WIDGET]["version_major"] == 2
    assert "carton-card" in shown["text/html"]
    assert shown["text/plain"].startswith("Sleeps (idle)")
    assert "<script" not in shown["text/html"]


def test_a_bare_load_and_the_card_of_a_carton_are_panels_too(notebook: Notebook, path: Path) -> None:
    assert WIDGET in shown_by(notebook.run(f"%carton_load {path}", "a"))
    notebook.run("await _.aclose()", "closed")
    assert WIDGET in shown_by(notebook.run(f"%carton_info {path}", "b"))


def test_the_card_alone_is_shown_where_panels_are_switched_off(notebook: Notebook) -> None:
    shown = shown_by(notebook.run("%config CartonMagics.panel = False\nm", "a"))
    assert set(shown) == {"text/html", "text/plain"}
    assert WIDGET in shown_by(notebook.run("%config CartonMagics.panel = True\nm", "a"))


def test_a_panel_made_by_hand_shows_the_same(notebook: Notebook) -> None:
    shown = shown_by(notebook.run("from carton_jupyter.panel import CartonPanel\np = CartonPanel(m)\np", "a"))
    assert set(shown) == {WIDGET, "text/html", "text/plain"}
    assert shown["text/plain"].startswith("Sleeps (idle)")


def test_running_a_cell_again_closes_the_panel_that_it_showed(notebook: Notebook) -> None:
    first = shown_by(notebook.run("m", "a"))[WIDGET]["model_id"]
    other = shown_by(notebook.run("m", "b"))[WIDGET]["model_id"]
    again = notebook.run("m", "a")
    assert first in closed_by(again)
    assert other not in closed_by(again)


def test_what_the_panel_shows_is_bound_to_no_variable(notebook: Notebook) -> None:
    notebook.run("import gc, weakref\nn = %carton_load $m.info.location\nknown = weakref.ref(n)", "n")
    notebook.run("from IPython.display import display\ndisplay(n)", "show")
    shown = shown_by(notebook.run("del n\n_ = gc.collect()\nknown() is None", "gone"))
    assert shown["text/plain"] == "True"


AWAITS = """
import asyncio
from pathlib import Path
while not Path({}).exists():
    await asyncio.sleep(0.05)
"""


def test_a_panel_runs_while_a_cell_awaits(notebook: Notebook, tmp_path: Path) -> None:
    panel = shown_by(notebook.run("m", "a"))[WIDGET]["model_id"]
    notebook.answer(notebook.ask(panel, "hello", version=1))
    cell = notebook.start(AWAITS.format(repr(str(tmp_path / "over"))), "busy")
    notebook.until(lambda message: message["content"].get("execution_state") == "busy")
    assert notebook.answer(notebook.ask(panel, "run", values={"x": 0}))["ok"] == {}
    assert not any(is_idle(message, cell) for message in notebook.seen)
    (tmp_path / "over").touch()
    notebook.until(lambda message: is_idle(message, cell))


def test_stop_is_heard_while_a_cell_blocks(notebook: Notebook) -> None:
    panel = shown_by(notebook.run("m", "a"))[WIDGET]["model_id"]
    notebook.open_subshell()
    notebook.answer(notebook.ask(panel, "hello", version=1))
    cell = notebook.start("import time\ntime.sleep(60)", "busy")
    run = notebook.ask(panel, "run", values={"x": 60})
    notebook.phase(panel, "running")
    begin = time.monotonic()
    notebook.ask(panel, "stop")
    assert notebook.answer(run)["ok"] == {}
    assert time.monotonic() - begin < 1
    notebook.phase(panel, "stopped")
    assert not any(is_idle(message, cell) for message in notebook.seen)
    notebook.interrupt(cell)


CALLS = """
import time
carton.sync.Carton(m).infer(x=0.0)
time.sleep(60)
"""


def test_a_call_in_the_cell_that_blocks_does_not_make_the_panel_deaf(notebook: Notebook) -> None:
    panel = shown_by(notebook.run("m", "a"))[WIDGET]["model_id"]
    notebook.open_subshell()
    notebook.answer(notebook.ask(panel, "hello", version=1))
    cell = notebook.start(CALLS, "busy")

    def shows_the_call(message: Message) -> bool:
        state = message["content"].get("data", {}).get("state", {}).get("kernel", {})
        return (state.get("state"), state.get("calls")) == ("idle", "1 call")

    notebook.until(shows_the_call)  # which the cell's own thread has brought about
    assert notebook.answer(notebook.ask(panel, "logs"))["ok"] == {"lines": []}
    assert not any(is_idle(message, cell) for message in notebook.seen)
    notebook.interrupt(cell)


def test_unloading_the_extension_closes_every_panel(notebook: Notebook) -> None:
    panel = shown_by(notebook.run("m", "a"))[WIDGET]["model_id"]
    assert panel in closed_by(notebook.run("%unload_ext carton_jupyter", "off"))
    assert WIDGET not in shown_by(notebook.run("m", "b"))
    notebook.run("%load_ext carton_jupyter", "on")
