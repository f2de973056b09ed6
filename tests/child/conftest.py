"""Runner kernels, spoken to over their bare connections."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import carton_runtime
from carton_runtime._child.carton_wire.connection import Connection
from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime._child.carton_wire.pipes import Pipes

PATIENCE = 30.0
DIRECTORY = Path(carton_runtime.__file__).parent / "_child"


class Child:
    """A runner kernel, with this test as its host.

    Its output is read into `output` (stdout and stderr together), so that it never waits for a reader.
    """

    def __init__(self, python: Path | str = sys.executable, *, memory: bool = False) -> None:
        pairs = [socket.socketpair() for _ in range(2)]
        self.control, self.memory = (ours for ours, _ in pairs)
        (their_incoming, outgoing), (incoming, their_outgoing) = os.pipe(), os.pipe()
        self.calls = Pipes(incoming, outgoing)
        descriptors = [their_incoming, their_outgoing, *(theirs.fileno() for _, theirs in pairs)]
        self.popen = subprocess.Popen(
            [str(python), "-I", str(DIRECTORY), *map(str, descriptors)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            start_new_session=True,
        )
        for _, theirs in pairs:
            theirs.close()
        for descriptor in (their_incoming, their_outgoing):
            os.close(descriptor)
        self.control.settimeout(PATIENCE)
        if not memory:
            self.memory.close()  # what it cannot hand over, it sends in frames
        self.connection = Connection(self.calls, Memory(self.memory if memory else None, side=0))
        self.output = bytearray()
        self._numbers = itertools.count(1)
        pipes = (self.popen.stdout, self.popen.stderr)
        self._readers = [threading.Thread(target=self._read, args=(pipe,)) for pipe in pipes]
        for reader in self._readers:
            reader.start()

    def send(self, kind: Kind, call: int = 0, tensors: dict[str, Any] | None = None, **fields: Any) -> None:
        self.connection.send(Message(kind, call, fields, tensors or {}))

    def receive(self) -> Message:
        assert self.connection.wait(PATIENCE), "the kernel says nothing"
        message = self.connection.receive()
        assert message is not None, f"the process ended: {self.text}"
        return message

    def expect(self, kind: Kind) -> Message:
        message = self.receive()
        assert message.kind is kind, message.fields
        return message

    def greeted(self) -> Message:
        return self.expect(Kind.HELLO)

    def try_to_load(self, runner: Path, **options: Any) -> Message:
        self.send(Kind.LOAD, runner=str(runner), model=str(runner.parent), options=options, batch={}, memory_limit=None)
        return self.receive()

    def loaded(self, runner: Path, **options: Any) -> Message:
        """Greet, and load what has to load."""
        self.greeted()
        message = self.try_to_load(runner, **options)
        assert message.kind is Kind.READY, message.fields
        return message

    def start_call(self, credit: int = 0, handle: int | None = None, **tensors: Any) -> int:
        number = next(self._numbers)
        self.send(Kind.CALL, number, tensors, handle=handle, credit=credit)
        return number

    def call(self, **tensors: Any) -> Message:
        """The one reply to a call that does not stream."""
        number = self.start_call(**tensors)
        reply = self.receive()
        assert reply.call == number
        return reply

    def seal(self, **tensors: Any) -> Message:
        number = next(self._numbers)
        self.send(Kind.SEAL, number, tensors)
        return self.receive()

    def exit_code(self) -> int:
        """How it ended, or will."""
        return self.popen.wait(PATIENCE)

    @property
    def text(self) -> str:
        """What it printed, once it has ended."""
        with contextlib.suppress(Exception):
            self.exit_code()
            for reader in self._readers:
                reader.join(PATIENCE)
        return self.output.decode(errors="replace")

    def _read(self, pipe: Any) -> None:
        while data := pipe.read1(1 << 16):
            self.output += data

    def until_it_prints(self, text: bytes) -> None:
        waiting = threading.Event()
        for _ in range(int(PATIENCE / 0.01)):
            if text in self.output:
                return
            waiting.wait(0.01)
        raise AssertionError(f"it never printed {text!r}")

    def close(self) -> None:
        self.calls.close()
        with contextlib.suppress(OSError):  # it is closed already
            self.control.shutdown(socket.SHUT_RDWR)
        try:
            self.popen.wait(PATIENCE)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        for end in (self.control, self.memory, self.popen.stdout, self.popen.stderr):
            end.close()


@pytest.fixture
def start(nothing_left: object) -> Iterator[Callable[..., Child]]:
    """Starts kernels for one test."""
    with contextlib.ExitStack() as stack:

        def make(*args: Any, **keywords: Any) -> Child:
            child = Child(*args, **keywords)
            stack.callback(child.close)
            return child

        yield make


@pytest.fixture
def child(start: Callable[..., Child]) -> Child:
    """One kernel."""
    return start()


@pytest.fixture
def runner(tmp_path: Path) -> Callable[[str], Path]:
    """Makes the ``main.py`` of a runner."""

    def make(source: str) -> Path:
        path = tmp_path / "main.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    return make


@pytest.fixture
def model(runner: Callable[[str], Path]) -> Callable[[str], Path]:
    """Makes the ``main.py`` of a runner whose model has the method ``infer`` of this text."""

    def make(infer: str) -> Path:
        body = textwrap.indent(textwrap.dedent(infer).strip("\n"), " " * 4)
        head = "import asyncio, os, subprocess, sys, time\nimport numpy as np\n"
        return runner(f"{head}class Model:\n{body}\n\ndef load(request):\n    return Model()\n")

    return make
