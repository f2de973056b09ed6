"""Jupyter servers of our own: on loopback, with folders of their own, and silent towards any network."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Literal, Self

from carton_runtime.testing.leaks import marked_processes

Application = Literal["lab", "notebook"]

# Exposed, the page's commands can be called as `jupyterapp`.
_COMMANDS: dict[Application, tuple[str, str]] = {
    "lab": ("jupyterlab", "--LabApp.expose_app_in_browser=True"),
    "notebook": ("notebook", "--JupyterNotebookApp.expose_app_in_browser=True"),
}
_PAGES: dict[Application, str] = {"lab": "lab/tree/{}?reset", "notebook": "notebooks/{}"}
_OPTIONS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--ServerApp.port_retries=0",
    "--ServerApp.disable_check_xsrf=True",
    "--IdentityProvider.token=",
    "--PasswordIdentityProvider.password_required=False",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
_LISTENS = re.compile(r"(http://127\.0\.0\.1:\d+/)")
_PATIENCE = 60.0


class JupyterServer:
    """A running server, which ends with its kernels when it is closed.

    Attributes:
        url: its root, with a slash at the end.
        root: the folder of its notebooks.
    """

    def __init__(self, folder: Path, application: Application = "lab") -> None:
        self.root = folder / "root"
        self.root.mkdir()
        self._application = application
        self._runtime = folder / "runtime"
        self._log: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", *_COMMANDS[application], *_OPTIONS, f"--ServerApp.root_dir={self.root}"],
            env=_environment(folder, self._runtime),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,), name="jupyter-server-log")
        self._reader.start()
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def page(self, notebook: str) -> str:
        """The URL of a notebook's page."""
        return (
            f"{self.url}lab/tree/{notebook}?reset" if self._application == "lab" else f"{self.url}notebooks/{notebook}"
        )

    @property
    def log(self) -> str:
        """What it has said so far."""
        return "".join(self._log)

    def processes(self) -> dict[int, str]:
        """The server, its kernels and all that they have started: numbers and commands."""
        return marked_processes(str(self._runtime))

    def close(self) -> None:
        """End it, as Control-C does, which ends the kernels first. May be called twice."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE / 2)
        self._process.kill()  # nothing happens to a process that is gone
        self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._log.append(line)
            if not self.url and (found := _LISTENS.search(line)):
                self.url = found[1]
                self._ready.set()
        self._ready.set()

    def _wait(self) -> None:
        if not self._ready.wait(_PATIENCE) or not self.url:
            raise RuntimeError(f"the Jupyter server did not start:\n{self.log}")


def _environment(folder: Path, runtime: Path) -> dict[str, str]:
    """This process's variables, but for Jupyter's, which lead to `folder`."""
    settings = folder / "settings"
    for name, value in _SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")
    programs = Path(sys.executable).parent
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "PYTEST_"))},
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "NO_PROXY": "*",
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }
