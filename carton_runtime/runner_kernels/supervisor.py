"""Keep a model alive: when its kernel has died, the next call finds a new one."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from carton_runtime.errors import CartonError, KernelDiedError, ModelClosedError, SettingsError
from carton_runtime.runner_kernels import registry
from carton_runtime.runner_kernels.deadlines import is_seconds
from carton_runtime.runner_kernels.death import forked_error
from carton_runtime.runner_kernels.kernel import Kernel

_MOST_DOUBLINGS = 64  # of a delay: more than any has, and a float does not overflow


@dataclass(frozen=True)
class RestartPolicy:
    """How often a kernel that died is started again.

    Attributes:
        budget: starts within `period`; 0 for never.
        period: seconds.
        delay: seconds before the second start within the period; each further one takes twice as long. The first is at
            once.
        longest_delay: seconds that no delay exceeds.

    Raises:
        SettingsError: one of them is no such number.
    """

    budget: int = 5
    period: float = 60.0
    delay: float = 0.1
    longest_delay: float = 5.0

    def __post_init__(self) -> None:
        if not isinstance(self.budget, int) or isinstance(self.budget, bool) or self.budget < 0:
            raise SettingsError(f"RestartPolicy: budget={self.budget!r} is no whole number from 0 up")
        for name in ("period", "delay", "longest_delay"):
            if not is_seconds(value := getattr(self, name)):
                raise SettingsError(f"RestartPolicy: {name}={value!r} is no number of seconds from 0 up")

    def delay_before(self, start: int) -> float:
        """Seconds before the start that has so many before it."""
        doublings = min(start - 1, _MOST_DOUBLINGS)
        return 0.0 if start == 0 else min(self.delay * 2**doublings, self.longest_delay)


class Supervisor:
    """The kernel of one model, replaced when it has died. Its coroutines run on the background loop.

    Args:
        kernel: the first one.
        policy: how often it is replaced.
        on_closed: called once none will be started any more; perhaps more than once.

    Attributes:
        kernel: the current one, dead or alive.
        is_closed: whether none is started any more.
    """

    def __init__(self, kernel: Kernel, policy: RestartPolicy, on_closed: Callable[[], None] | None = None) -> None:
        self.kernel = kernel
        self._policy = policy
        self._starts: deque[float] = deque()
        self._lock = asyncio.Lock()
        self.is_closed = False
        self._host = os.getpid()
        self._on_closed = on_closed
        self._work: asyncio.Task[None] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether this is the process that started the kernel, and none that was forked from it."""
        return os.getpid() == self._host

    async def revived(self) -> Kernel:
        """A kernel that takes calls: the current one, or a new one if that is dead.

        Raises:
            KernelDiedError: it died too often of late.
            ModelClosedError: the model was closed.
            CartonError: the new one could not load the model; see `Kernel.start`.
        """
        self._check_host()  # before the lock, which somebody may have held when this process was forked
        while True:
            async with self._lock:
                self._check_open()
                if self.kernel.is_alive:
                    return self.kernel
                await self._until_cut_short(self._revive())

    async def restart(self) -> Kernel:
        """Replace the kernel, alive or not, or one that is just starting, whatever the policy. Raises as `revived`."""
        self._check_host()
        self._cut_short()
        is_done = False
        while not is_done:
            async with self._lock:
                self._check_open()
                is_done = await self._until_cut_short(self._replace())
        return self.kernel

    async def aclose(self, farewell: float | None = None) -> None:
        """End the kernel for good."""
        self.is_closed = True
        self._cut_short()
        try:
            await (self.kernel.aclose() if farewell is None else self.kernel.aclose(farewell))
            async with self._lock:
                await self.kernel.aclose(0)
        finally:
            if self._on_closed is not None:
                self._on_closed()

    async def _until_cut_short(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work`, unless `restart` or `aclose` come in between; whether it was done."""
        self._work = asyncio.ensure_future(work)
        try:
            await self._work
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return False
        else:
            return True
        finally:
            self._work = None

    def _cut_short(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _revive(self) -> None:
        await self._wait_for_turn()
        # Calls that it took with it are to hear how it died, and not that it was closed to be replaced.
        await self.kernel.ended()
        await self._replace()

    async def _replace(self) -> None:
        old = self.kernel
        await old.aclose(0)
        try:
            self.kernel = await Kernel.start(old.spec, limits=old.limits, record=old.record)
        except BaseException as error:
            registry.register(old)  # the model is still there to be seen, dead, and with the reason
            if isinstance(error, CartonError):
                old.statistics.count_failure(str(error))
            raise
        old.statistics.restarts += 1

    async def _wait_for_turn(self) -> None:
        now = time.monotonic()
        while self._starts and self._starts[0] < now - self._policy.period:
            self._starts.popleft()
        if len(self._starts) >= self._policy.budget:
            raise self._exhausted()
        delay = self._policy.delay_before(len(self._starts))
        self._starts.append(now)
        await asyncio.sleep(delay)

    def _exhausted(self) -> KernelDiedError:
        often = (
            f"{len(self._starts)} times within {self._policy.period:g} s" if self._starts else "and may not start again"
        )
        last = self.kernel.statistics.last_error
        message = f"model {self.kernel.name!r} died {often}; restart() starts it all the same. Last: {last}"
        return KernelDiedError(message, pid=self.kernel.pid, exit_code=None)

    def _check_host(self) -> None:
        if not self.is_ours:
            raise forked_error(self.kernel.name)

    def _check_open(self) -> None:
        if self.is_closed:
            raise ModelClosedError(f"model {self.kernel.name!r} is closed; load it again")
