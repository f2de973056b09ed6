"""Shells and kernels with the extension loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from traitlets.config import Config

_PATIENCE = 60.0


@pytest.fixture
def bare_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell without front end, history, or files in the user's home."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}), colors="nocolor")
    yield shell
    shell.reset(new_session=False)
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(bare_shell: InteractiveShell) -> Iterator[InteractiveShell]:
    """A shell with the extension."""
    bare_shell.extension_manager.load_extension("carton_jupyter")
    yield bare_shell
    bare_shell.extension_manager.unload_extension("carton_jupyter")


@pytest.fixture
def run(shell: InteractiveShell) -> Callable[[str], Any]:
    """Runs a cell and gives its result, or raises its error."""

    def run_cell(text: str) -> Any:
        outcome = shell.run_cell(text)
        outcome.raise_error()
        return outcome.result

    return run_cell


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe for a model to tell that it loads, or runs."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


class Kernel:
    """A Jupyter kernel of its own process."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(self, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Run a cell: its reply, and the contents of the messages it showed."""
        shown: list[dict[str, Any]] = []

        def keep(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("stream", "display_data", "update_display_data", "execute_result", "error"):
                shown.append({"type": message["msg_type"], **message["content"]})

        reply = self.client.execute_interactive(code, output_hook=keep, allow_stdin=False, timeout=_PATIENCE)
        return reply["content"], shown

    def start(self, code: str) -> None:
        """Run a cell without waiting; `reply` waits."""
        # Otherwise a kernel aborts what it is asked right after an error.
        self.client.execute(code, allow_stdin=False, stop_on_error=False)

    def reply(self) -> dict[str, Any]:
        """The reply to the cell that was started."""
        content: dict[str, Any] = self.client.get_shell_msg(timeout=_PATIENCE)["content"]
        return content


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """A kernel with the extension."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=_PATIENCE)
        started = Kernel(manager, client)
        started.run("%load_ext carton_jupyter\nimport carton_runtime as carton")
        yield started
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
