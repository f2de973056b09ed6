"""A runner kernel's life: started, idle or busy, dead."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import WIRE_VERSION, Kind, Message
from carton_runtime.background import background_loop
from carton_runtime.errors import CartonError, KernelDiedError, ModelClosedError, ModelError, ProtocolError
from carton_runtime.events import OnEvent, step
from carton_runtime.kernels.channel import Channel
from carton_runtime.kernels.exit_watch import call_when_exited, kill_group
from carton_runtime.kernels.launch import KernelProcess, LaunchSpec, launch
from carton_runtime.kernels.log import KernelLog, LogLine

_SESSION = 0
_FAREWELL = 5.0  # seconds that a kernel may take to end itself when it is asked to
_LOG_TAIL = 20
_LAST_WORDS = 0.5  # seconds to wait for the end of the output of a process that is dead


class KernelState(Enum):
    """Where a kernel is in its life."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    DEAD = "dead"


class Kernel:
    """One process that runs one model.

    `start` and `aclose` run on the background loop; the channel is for everybody.
    """

    def __init__(self, name: str, process: KernelProcess) -> None:
        self.name = name
        self.pid = process.popen.pid
        self.python = ""
        self.numpy = ""
        self.load_warnings: tuple[str, ...] = ()
        self._process = process
        self._log = KernelLog(name)
        self._exited = asyncio.Event()
        self._started = False
        self._closing = False
        self._protocol_failure: CartonError | None = None
        self.memory = Memory(process.memory, side=0)
        self.channel = Channel(process.calls, self.memory, self._on_end)

    @classmethod
    async def start(
        cls,
        name: str,
        spec: LaunchSpec,
        *,
        runner: Path,
        model_dir: Path,
        options: Mapping[str, int | float | str | bool],
        on_event: OnEvent | None = None,
    ) -> Kernel:
        """Start a process and have it load a model.

        Args:
            name: the model's name, for logs and messages.
            spec: the interpreter and the variables to start it with.
            runner: the runner's ``main.py``.
            model_dir: the folder of the carton's ``model/``.
            options: the runner's options.
            on_event: told of the steps ``kernel.start`` and ``model.load``.

        Raises:
            ModelError: the model could not be loaded; carries its traceback.
            KernelDiedError: the process ended before the model was loaded.
            EnvironmentBuildError: the interpreter cannot be run.
        """
        with step("kernel.start", f"starting {name}", on_event=on_event):
            kernel = cls(name, launch(spec))
            kernel._watch()
        try:
            with step("model.load", f"loading {name}", on_event=on_event):
                await kernel._load(runner, model_dir, options)
        except BaseException:
            await asyncio.shield(kernel.aclose(farewell=0))
            raise
        return kernel

    @property
    def state(self) -> KernelState:
        """Where the kernel is in its life."""
        if self._exited.is_set() or self.channel.ended:
            return KernelState.DEAD
        if not self._started:
            return KernelState.STARTING
        return KernelState.BUSY if self.channel.open_calls else KernelState.IDLE

    @property
    def log(self) -> tuple[LogLine, ...]:
        """The last lines that the model printed, oldest first."""
        return self._log.lines

    def __repr__(self) -> str:
        return f"<Kernel {self.name} pid={self.pid} {self.state.value}>"

    async def aclose(self, farewell: float = _FAREWELL) -> None:
        """End the process and all that it started: by force at once if it is busy, else after `farewell` seconds."""
        polite = farewell > 0 and self.state is KernelState.IDLE
        self._closing = True
        self.channel.fail(ModelClosedError(f"model {self.name!r} is closed; load it again"))
        if polite:
            # Past the channel, which has failed for everybody else.
            self.channel.post_last(Kind.CLOSE)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._exited.wait(), farewell)
        self.kill()
        await self._exited.wait()
        self._log.close()
        self.channel.close()
        self.memory.close()
        self._process.close()

    def kill(self) -> None:
        """End the process at once, from any thread, without waiting."""
        if not self._exited.is_set():
            kill_group(self.pid)

    # Starting

    def _watch(self) -> None:
        popen = self._process.popen
        for stream, pipe in (("stdout", popen.stdout), ("stderr", popen.stderr)):
            if pipe is not None:
                self._log.follow(stream, pipe)
        call_when_exited(popen, self._on_exit)

    async def _load(self, runner: Path, model_dir: Path, options: Mapping[str, int | float | str | bool]) -> None:
        place = self.channel.open(_SESSION)
        try:
            hello = await self.channel.receive(place)
            self._meet(hello)
            self.channel.post(
                Kind.LOAD, _SESSION, runner=str(runner), model=str(model_dir), options=dict(options), batch={}
            )
            ready = await self.channel.receive(place)
        finally:
            self.channel.close_place(place)
        raise_failure(ready)
        self._started = True
        self.load_warnings = tuple(str(text) for text in ready.fields["warnings"])

    def _meet(self, hello: Message) -> None:
        if hello.kind is not Kind.HELLO or hello.fields["wire"] != WIRE_VERSION:
            raise ProtocolError(f"the model's process speaks {hello.fields!r}, not version {WIRE_VERSION} of the wire")
        self.python, self.numpy = hello.fields["python"], hello.fields["numpy"]

    # The end

    def _on_end(self, error: CartonError | None) -> None:
        """The socket ended: either the process is about to exit, or it is of no use any more."""
        self._protocol_failure = error
        if error is not None or not self._closing:
            self.kill()

    def _on_exit(self) -> None:
        background_loop().create_task(self._report_death())

    async def _report_death(self) -> None:
        # Something that left the model's session may hold the pipes open: do not wait for their end for ever.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._log.drained.wait(), _LAST_WORDS)
        if not self._closing:
            self.channel.fail(self._protocol_failure or self._death())
        self._exited.set()

    def _death(self) -> KernelDiedError:
        code = self._process.popen.returncode
        tail = [str(line) for line in self._log.lines[-_LOG_TAIL:]]
        when = "while it ran" if self._started else "while it was loading"
        message = (
            f"the process of model {self.name!r} (pid {self.pid}) ended {when}: {_describe_exit(code)}; load it again"
        )
        return KernelDiedError(message, pid=self.pid, exit_code=code, log=tail)


def raise_failure(message: Message) -> None:
    """Raise what a FAILED message tells.

    Raises:
        ModelError: always, for a message of that kind.
    """
    if message.kind is not Kind.FAILED:
        return
    kind, text = message.fields["type"], message.fields["message"]
    told = f"the model raised {kind}: {text}" if kind else text
    raise ModelError(told, remote_type=kind, remote_traceback=message.fields["traceback"])


def _describe_exit(code: int | None) -> str:
    if code is None:
        return "nobody knows how"
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    return f"killed by signal {-code}"
