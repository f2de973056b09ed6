"""Starting the process of a runner kernel."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from carton_runtime import EnvironmentBuildError
from carton_runtime.runner_kernels.launch import launch
from carton_runtime.runner_kernels.process import KernelProcess
from carton_runtime.runner_kernels.spec import KernelSpec

PATIENCE = 30.0
Launch = Callable[..., KernelProcess]


def spec(python: Path, **fields: object) -> KernelSpec:
    return KernelSpec(name="digits", python=python, runner=Path("main.py"), model_dir=Path(), **fields)


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a program that stands for an interpreter: it gets the interpreter's arguments."""

    def make(source: str) -> Path:
        path = tmp_path / "environment" / "bin" / "python"
        path.parent.mkdir(parents=True)
        path.write_text(f"#!{sys.executable}\nimport os, sys\n{source}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def launched(nothing_left: object) -> Iterator[Launch]:
    """Launches, and ends, processes."""
    with ExitStack() as stack:

        def start(python: Path, **fields: object) -> KernelProcess:
            process = launch(spec(python, **fields))
            stack.callback(end, process)
            return process

        yield start


def end(process: KernelProcess) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.popen.pid, signal.SIGKILL)
    process.popen.wait(PATIENCE)
    process.close()
    process.calls.close()


def printed(process: KernelProcess) -> str:
    assert process.popen.stdout is not None
    assert process.popen.stderr is not None
    text = process.popen.stdout.read().decode()
    assert process.popen.wait(PATIENCE) == 0, process.popen.stderr.read().decode()
    return text.strip()


def test_the_interpreter_is_isolated_and_given_the_childs_folder(launched: Launch, program: Callable) -> None:
    arguments = printed(launched(program("print(sys.argv[1:3])")))
    assert "'-I'" in arguments
    assert "carton_runtime/_child" in arguments


def test_the_named_descriptors_are_the_other_ends(launched: Launch, program: Callable) -> None:
    process = launched(
        program("""
import socket
os.write(int(sys.argv[4]), os.read(int(sys.argv[3]), 9))
for number, text in enumerate(sys.argv[5:]):
    socket.socket(fileno=int(text)).send(bytes([number]))
""")
    )
    process.calls.write(b"there and back")
    ends = (process.control, process.memory)
    for sock in ends:
        sock.settimeout(PATIENCE)
    assert [sock.recv(9) for sock in ends] == [b"\x00", b"\x01"]
    assert process.calls.read(100) == b"there and"


def test_our_ends_see_when_the_process_has_ended(launched: Launch, program: Callable) -> None:
    process = launched(program(""))
    assert select.select([process.calls.incoming], [], [], PATIENCE)[0]
    assert process.calls.read(1) == b""


def test_no_other_descriptor_is_inherited(launched: Launch, program: Callable) -> None:
    with socket.socket() as ours:
        ours.set_inheritable(True)
        process = launched(program("print(*os.listdir('/proc/self/fd'), '|', *sys.argv[3:])"))
        listed, named = (set(part.split()) for part in printed(process).split("|"))
    # The listing itself, and the file of the program.
    assert len(listed - named - {"0", "1", "2"}) <= 2


def test_the_environment_is_found_first(launched: Launch, program: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/of/ours")
    python = program("print(os.environ['PATH'], os.environ['VIRTUAL_ENV'])")
    assert printed(launched(python)) == f"{python.parent}:/usr/bin {python.parent.parent}"


@pytest.mark.parametrize("path", ["", None])
def test_the_environment_is_found_where_there_is_no_path(
    launched: Launch, program: Callable, monkeypatch: pytest.MonkeyPatch, path: str | None
) -> None:
    monkeypatch.delenv("PATH")
    if path is not None:
        monkeypatch.setenv("PATH", path)
    python = program("print(os.environ['PATH'])")
    assert printed(launched(python)) == str(python.parent)


def test_variables_go_over_the_inherited_ones(
    launched: Launch, program: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    monkeypatch.setenv("OTHER", "kept")
    process = launched(
        program("print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['OTHER'])"),
        variables={"CUDA_VISIBLE_DEVICES": "GPU-1"},
    )
    assert printed(process) == "GPU-1 kept"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"


def test_it_leads_a_session_of_its_own(launched: Launch, program: Callable) -> None:
    process = launched(program("print(os.getsid(0) == os.getpgid(0) == os.getpid())"))
    assert printed(process) == "True"


def test_it_has_no_input(launched: Launch, program: Callable) -> None:
    assert printed(launched(program("print(repr(sys.stdin.read()))"))) == "''"


def test_what_it_prints_comes_at_once_and_apart(launched: Launch, program: Callable) -> None:
    process = launched(program("os.write(1, b'out'); os.write(2, b'err')"))
    assert process.popen.stdout is not None
    assert process.popen.stderr is not None
    assert process.popen.stdout.read(3) == b"out"
    assert process.popen.stderr.read(3) == b"err"


def not_there(tmp_path: Path) -> Path:
    return tmp_path / "none"


def not_a_program(tmp_path: Path) -> Path:
    path = tmp_path / "python"
    path.write_text("no program", encoding="utf-8")
    path.chmod(0o755)
    return path


def not_allowed(tmp_path: Path) -> Path:
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("python", [not_there, not_a_program, not_allowed])
def test_an_interpreter_that_cannot_be_started_is_named_and_nothing_is_left(
    nothing_left: object, tmp_path: Path, python: Callable[[Path], Path]
) -> None:
    path = python(tmp_path)
    with pytest.raises(EnvironmentBuildError, match="cannot be started") as caught:
        launch(spec(path))
    assert str(path) in str(caught.value)
    assert caught.value.command[:2] == (str(path), "-I")
