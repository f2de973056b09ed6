"""IPython in a terminal: models are loaded, called and stopped as in a notebook."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from fix_models import SLOW, WAITING, Packed

_PATIENCE = 60.0

STOPPED = "KeyboardInterrupt: the call was stopped; the model stays loaded"


class Terminal:
    """An IPython that runs in a terminal."""

    def __init__(self, folder: Path) -> None:
        arguments = ["-m", "IPython", "--simple-prompt", "--no-banner", "--no-confirm-exit", "--colors=NoColor"]
        environment = {**os.environ, "IPYTHONDIR": str(folder), "TERM": "dumb"}
        self.process = pexpect.spawn(
            sys.executable, arguments, encoding="utf-8", timeout=_PATIENCE, env=environment, dimensions=(50, 200)
        )
        self.shown()

    def run(self, line: str) -> str:
        """What a line shows."""
        self.start(line)
        return self.shown()

    def start(self, line: str) -> None:
        """Run a line without waiting; `shown` waits."""
        self.process.sendline(line)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.sendintr()

    def shown(self) -> str:
        """What was printed until IPython asked for the next line, without the line itself."""
        self.process.expect(r"In \[\d+\]: ")
        return str(self.process.before).replace("\r\n", "\n").partition("\n")[2].strip()

    def close(self) -> None:
        """Leave, and wait until it is gone."""
        self.process.sendeof()
        self.process.expect(pexpect.EOF)
        self.process.close()


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory, packed: Packed) -> Iterator[Terminal]:
    """A terminal with the extension, and a model as the variable ``m``."""
    path = packed(WAITING, model_name="Double")
    started = Terminal(tmp_path_factory.mktemp("ipython"))
    try:
        for line in ("%load_ext carton_jupyter", "%config CartonMagics.progress = 'off'", f"m = %carton_load {path}"):
            assert started.run(line) == ""
        yield started
        assert started.run("%carton_unload m") == ""
    finally:
        started.close()


def test_a_model_is_awaited(terminal: Terminal) -> None:
    assert terminal.run("(await m.infer(x=2))['out'].tolist()").endswith(": 4")


def test_a_model_is_run_by_the_magic(terminal: Terminal) -> None:
    assert terminal.run("out = %carton_run m x=[1, 2]") == ""
    assert terminal.run("out['out'].tolist()").endswith(": [2, 4]")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("out = %carton_run m x=1 pipe={pipe!r}", STOPPED),
        ("%carton_run m x=1 pipe={pipe!r} --stream", STOPPED),
        ("await m.infer(x=1, pipe={pipe!r})", ("CancelledError", "KeyboardInterrupt")),  # as it waits, or as it runs
    ],
)
def test_a_call_is_stopped_and_the_model_stays(
    terminal: Terminal, pipe: Path, call: str, told: str | tuple[str, ...]
) -> None:
    before = terminal.run("m.kernel.pid").split()[-1]
    terminal.start(call.format(pipe=str(pipe)))
    with pipe.open() as model:
        assert model.readline() == "running\n"
        terminal.interrupt()
        shown = terminal.shown()
        assert model.read() == ""  # no sooner than the model was stopped
    assert shown.splitlines()[-1].startswith(told)
    assert terminal.run("(await m.infer(x=3))['out'].tolist()").endswith(": 6")
    assert terminal.run("m.kernel.pid").split()[-1] == before


def test_a_load_is_stopped_and_leaves_nothing(terminal: Terminal, packed: Packed, pipe: Path) -> None:
    terminal.start(f"slow = %carton_load {packed(SLOW.format(pipe=str(pipe)))}")
    with pipe.open() as model:
        assert int(model.readline()) > 0
        terminal.interrupt()
        shown = terminal.shown()
        assert model.read() == ""  # no sooner than the model's process has ended
    assert shown.splitlines()[-1].startswith("KeyboardInterrupt")
    assert terminal.run("'slow' in globals()").endswith(": False")


def test_a_stopped_magic_shows_the_readers_line_and_no_other(terminal: Terminal, pipe: Path) -> None:
    terminal.start(f"%carton_run m x=1 pipe={str(pipe)!r}")
    with pipe.open() as model:
        model.readline()
        terminal.interrupt()
        shown = terminal.shown()
    assert "carton_run" in shown
    assert len(shown.splitlines()) < 8
    assert ".py" not in shown


def test_a_table_is_printed_once(terminal: Terminal) -> None:
    assert terminal.run("%carton_kernels").startswith("Double: ")
    assert terminal.run("get_ipython().magics_manager.registry['CartonMagics']._table.live").endswith("False")


def test_an_error_is_one_line(terminal: Terminal) -> None:
    assert terminal.run("%carton_run mm x=1") == "UsageError: 'mm' holds no model; did you mean m?"
    assert terminal.run("%carton_run m x=1/0") == "UsageError: x=1/0: ZeroDivisionError: division by zero"


def test_the_event_loop_is_ipythons_own_again_without_the_extension(terminal: Terminal) -> None:
    runner = "type(get_ipython().loop_runner).__module__"
    assert terminal.run(runner).endswith("'carton_jupyter.terminal'")
    terminal.run("%unload_ext carton_jupyter")
    try:
        assert terminal.run(runner).endswith("'IPython.core.async_helpers'")
    finally:
        terminal.run("%load_ext carton_jupyter")
    assert "asyncio" in terminal.run("%autoawait")
