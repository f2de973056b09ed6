"""A runner kernel's life: started, idle or busy, dead."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import replace
from typing import Any

from carton_runtime._child.carton_wire.control import Signal
from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import Kind
from carton_runtime.background import background_loop
from carton_runtime.errors import CartonError, LoadTimeoutError, ModelClosedError
from carton_runtime.events import OnEvent, step
from carton_runtime.runner_kernels import registry
from carton_runtime.runner_kernels.cancelling import Canceller, CancelLimits
from carton_runtime.runner_kernels.channel import Channel
from carton_runtime.runner_kernels.death import Exit, death_report, forked_error
from carton_runtime.runner_kernels.exit_watch import call_when_exited
from carton_runtime.runner_kernels.gate import Gate
from carton_runtime.runner_kernels.greeting import SESSION, Greeting, have_loaded
from carton_runtime.runner_kernels.heartbeat import Heartbeat
from carton_runtime.runner_kernels.launch import launch
from carton_runtime.runner_kernels.log import KernelLog, LogLine
from carton_runtime.runner_kernels.place import Place
from carton_runtime.runner_kernels.process import KernelProcess
from carton_runtime.runner_kernels.record import KernelState, ModelRecord
from carton_runtime.runner_kernels.sealing import SealedInputs
from carton_runtime.runner_kernels.spec import KernelSpec
from carton_runtime.runner_kernels.trimming import trim_when_idle
from carton_runtime.runner_kernels.unwaited import do_when_free

_LOGGER = logging.getLogger(__name__)

_FAREWELL = 5.0  # seconds that a kernel may take to end itself when it is asked to
_HANGING_UP = 0.2  # seconds that a process which closed its connection may take to end
_STARTING = 1 << 28  # bytes that a process may have which has not greeted us: a limit below says so once it has
_LAST_WORDS = 0.5  # seconds to wait for the end of the output of a process that is dead
_MOST_CALLS = 1024  # on their way to one kernel; further callers wait at its gate


class Kernel:
    """One process that runs one model.

    `start` and `aclose` run on the background loop; the rest is for everybody.

    Attributes:
        spec: what was started.
        pid: the process that runs the model; until that has greeted us, the one that will be its guardian.
        python: the version of its Python.
        numpy: the version of its numpy.
        concurrency: how many calls the model takes at once.
        load_warnings: what its runner has to say about how it was packed.
        record: what outlives this process: the model's calls so far, and what it printed.
        statistics: the model's calls so far, those of processes before this one included.
        sealed: the inputs that it keeps.
        gate: lets so many calls in as may wait for it.
        limits: how patient it is with calls that are cancelled.
        started_at: when, in seconds of `time.time`.
        channel: where calls go.
        memory: what both processes share.
    """

    def __init__(
        self, spec: KernelSpec, process: KernelProcess, limits: CancelLimits, record: ModelRecord | None = None
    ) -> None:
        self.spec = spec
        self.pid = process.popen.pid
        self.python = ""
        self.numpy = ""
        self.concurrency = 1
        self.load_warnings: tuple[str, ...] = ()
        self.record = record or ModelRecord()
        self.statistics = self.record.statistics
        self.memory = Memory(process.memory, side=0)
        self.channel = Channel(process.calls, self.memory, self._on_end)
        self._process = process
        self.sealed = SealedInputs()
        self.gate = Gate(_MOST_CALLS, self.channel.count_calls)
        self.limits = limits
        self.started_at = time.time()
        self._log = KernelLog(spec.name, self.record.lines, self._context)
        self._heartbeat = Heartbeat(self.pid, process.control, self.kill)
        if spec.memory_limit is not None:
            self._heartbeat.memory_limit = max(spec.memory_limit, _STARTING)
        self._canceller = Canceller(
            self.channel, self._heartbeat, self.sealed, limits, self.kill, self._spawn, self._on_given_up
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._exited = asyncio.Event()
        self._announced: KernelState | None = None
        self._is_started = False
        self._is_closing = False
        self._reporting: asyncio.Task[None] | None = None
        self._reason = ""
        self._protocol_failure: CartonError | None = None

    @classmethod
    async def start(
        cls,
        spec: KernelSpec,
        *,
        limits: CancelLimits | None = None,
        on_event: OnEvent | None = None,
        record: ModelRecord | None = None,
    ) -> Kernel:
        """Start a process and have it load a model.

        Args:
            spec: what to start.
            limits: how patient to be with calls that are cancelled.
            on_event: told of the steps ``kernel.start`` and ``model.load``.
            record: that of the kernel which it replaces.

        Raises:
            ModelError: the model could not be loaded; carries its traceback.
            KernelDiedError: the process ended before the model was loaded.
            LoadTimeoutError: it took longer than it may.
            SettingsError: the memory limit is too small for any model.
            EnvironmentBuildError: the interpreter cannot be run.
        """
        with step("kernel.start", f"starting {spec.name}", on_event=on_event):
            process = launch(spec)
            try:
                kernel = cls(spec, process, limits or CancelLimits(), record)
                kernel._watch()
            except BaseException:
                process.abandon()
                raise
        try:
            with step("model.load", f"loading {spec.name}", on_event=on_event):
                await kernel._load()
        except BaseException:
            await asyncio.shield(kernel.aclose(farewell=0))
            raise
        return kernel

    @property
    def name(self) -> str:
        """The model's name."""
        return self.spec.name

    @property
    def device(self) -> str:
        """The device that the process sees: ``cpu``, or the UUID of a GPU."""
        return self.spec.device

    @property
    def queued(self) -> int:
        """How many calls wait behind those that run."""
        return max(0, self.channel.open_calls - self.concurrency)

    @property
    def state(self) -> KernelState:
        """Where the kernel is in its life."""
        if self._exited.is_set() or self.channel.ended:
            return KernelState.DEAD
        if not self._is_started:
            return KernelState.STARTING
        return KernelState.BUSY if self.channel.open_calls else KernelState.IDLE

    @property
    def is_alive(self) -> bool:
        """Whether it takes calls."""
        return self._is_started and not self.channel.ended

    @property
    def log(self) -> tuple[LogLine, ...]:
        """The last lines that the model printed, in this process or in one before it, oldest first."""
        return self._log.lines

    @property
    def resident_memory(self) -> int | None:
        """Bytes of memory in use by the process and all that it started, as seen half a second ago at most.

        `None` before the first look. What several processes share counts for each of them.
        """
        return self._heartbeat.memory

    @property
    def silence(self) -> float:
        """Seconds since the process last answered a ping; pings are sent while somebody waits."""
        return self._heartbeat.silence

    def __repr__(self) -> str:
        return f"<Kernel {self.name} pid={self.pid} {self.state.value}>"

    async def aclose(self, farewell: float = _FAREWELL) -> None:
        """End the process and all that it started: by force at once if it is busy, else after `farewell` seconds."""
        polite = farewell > 0 and self.state is KernelState.IDLE
        self._is_closing = True
        if self._exited.is_set():
            registry.unregister(self)
        else:  # its calls have not failed already, though they may not have looked yet
            self.channel.fail(ModelClosedError(f"model {self.name!r} is closed; load it again"))
        try:
            if polite:
                # Past the channel, which has failed for everybody else.
                self.channel.post_last(Kind.CLOSE)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._exited.wait(), farewell)
        finally:  # also when the caller will not wait: nobody else would end it
            self.kill()
            await self._exited.wait()

    async def ended(self) -> None:
        """Wait until the process has ended, and those who wait for a call have been told why."""
        await self._exited.wait()

    def on_change(self, tell: Callable[[KernelState], None]) -> Callable[[], None]:
        """Have `tell` called with the state whenever it has changed; the result stops that, however often it is called.

        It is called on whatever thread the change happens, and must not block. When the kernel is replaced, it is told
        of the one that comes after it.
        """
        return self.record.on_change(tell)

    def announce(self) -> None:
        """Tell those who listen when the state is not what they were told last."""
        state = self.state
        if state is not self._announced:
            self._announced = state
            _LOGGER.debug("%s is %s", self.name, state.value)
            self.record.changed(state)

    def kill(self, reason: str = "") -> None:
        """End the process at once, from any thread, without waiting; `reason` is told to those who wait."""
        if not self._process.has_ended:
            self._reason = self._reason or reason
            self._process.end()

    def drain_log(self) -> None:
        """Have what the model has printed by now in the log, and with whoever listens; from any thread."""
        self._log.drain()

    def _context(self) -> Context | None:
        """Where the call was made that runs now: of several, the oldest."""
        return next((place.context for place in self.channel.calls if place.context is not None), None)

    def disown(self) -> None:
        """Leave the process to the one that this one was forked from."""
        self._is_closing = True
        self.channel.disown(forked_error(self.name))
        self._process.close()

    def interrupt(self) -> None:
        """Interrupt the calls that run now; they fail with `CallCancelledError`, and the model stays loaded."""
        # Signals overtake calls, and are overtaken by them: say which are meant, also one that has not quite begun.
        for place in self.channel.running(self.concurrency):
            self._heartbeat.signal(Signal.CANCEL, place.call)
        numbers = [place.call for place in self.channel.calls]
        if numbers:
            self._heartbeat.signal(Signal.INTERRUPT_TO, max(numbers))

    def close_call(self, place: Place) -> None:
        """The call was answered, and its caller has the answer."""
        self.channel.close_place(place)
        self.gate.let_in()

    def give_up(self, place: Place) -> None:
        """Nobody waits for this call any more: see that the model stops.

        From any thread and without waiting; a second time changes nothing.
        """
        if self.channel.is_sending_here or self.memory.is_used_here:  # as of a stream that the garbage collector closes
            background_loop().call_soon_threadsafe(self.give_up, place)
            return
        self._canceller.give_up(place)

    def _on_given_up(self) -> None:
        self.gate.let_in()
        self.announce()

    # Starting

    def _watch(self) -> None:
        popen = self._process.popen
        for stream, pipe in (("stdout", popen.stdout), ("stderr", popen.stderr)):
            if pipe is not None:
                self._log.follow(stream, pipe)
        registry.register(self)
        call_when_exited(popen, self._on_exit)
        self._spawn(self._heartbeat.run(self._beat))

    async def _load(self) -> None:
        self.announce()
        limit = self.spec.ready_timeout
        try:
            async with asyncio.timeout(limit):
                ready = await have_loaded(self.channel, self.spec, self._greeted)
        except TimeoutError as error:
            raise LoadTimeoutError(f"model {self.name!r} was not ready within {limit:g} s (ready_timeout)") from error
        self._is_started = True
        self._heartbeat.look_at_memory()
        self.concurrency = self.channel.concurrency = ready.fields["concurrency"]
        self.load_warnings = tuple(str(text) for text in ready.fields["warnings"])
        self._spawn(trim_when_idle(self.channel, self.memory, self.statistics))
        self.announce()

    def _greeted(self, greeting: Greeting) -> None:
        self.pid = self._heartbeat.pid = self._process.kernel = greeting.pid
        self.python, self.numpy = greeting.python, greeting.numpy
        self._heartbeat.memory_limit = self.spec.memory_limit

    # Housekeeping

    def _beat(self) -> bool:
        """What is to be done now and then; whether somebody waits for the kernel."""
        self._process.wake_guardian()
        self.channel.expect_progress()
        self.channel.forget_closed_loops()
        for place in self.channel.calls:
            if place.is_forgotten and not place.is_given_up:
                self.give_up(place)
        for handle in self.sealed.to_release():
            with contextlib.suppress(CartonError):  # the kernel is gone, and the inputs with it
                self.channel.post(Kind.RELEASE, SESSION, handle=handle)
        return bool(self.channel.open_calls)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # The end

    def _on_end(self, error: CartonError | None) -> None:
        """The connection ended: either the process is about to exit, or it is of no use any more."""
        self._protocol_failure = error
        if error is not None:
            self.kill()
        elif not self._is_closing:
            background_loop().call_soon_threadsafe(self._end_soon)

    def _end_soon(self) -> None:
        """End the process, which hung up; unless it ends by itself, as it does whenever it dies, and says how."""
        self._process.wake_guardian()  # which knows
        background_loop().call_later(_HANGING_UP, self.kill, "it closed its connection, and went on")

    def _on_exit(self, exited: Exit) -> None:
        if exited.code == -signal.SIGKILL:
            self._process.replace_guardian()
        # Not among `_tasks`: those are cancelled, and this one must reach its end.
        self._reporting = background_loop().create_task(self._report_death(exited))

    async def _report_death(self, exited: Exit) -> None:
        # Something that left the model's session may hold the pipes open: do not wait for their end for ever.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._log.drained.wait(), _LAST_WORDS)
        if not self._is_closing:
            doing = "while it ran" if self._is_started else "while it was loading"
            exited = replace(exited, peak_memory=max(exited.peak_memory or 0, self._heartbeat.peak_memory) or None)
            died = death_report(self.name, self.pid, exited, doing, self._reason, self._log.own)
            self.statistics.count_failure(str(died))
            self.channel.fail(self._protocol_failure or died)
        await self._release()
        if self._is_closing:
            registry.unregister(self)
        self._exited.set()
        self.announce()

    async def _release(self) -> None:
        """Let go of everything: a kernel that died is only there to be looked at until somebody closes it."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._log.close()
        self.channel.close()
        do_when_free(self.memory.close)
        self._process.close()
