"""Give up calls: tell the model, then interrupt it, then end its process.

The caller does not wait for this: it happens on the background loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from carton_runtime._child.carton_wire.control import Signal
from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime.background import background_loop
from carton_runtime.errors import CartonError
from carton_runtime.runner_kernels.channel import Channel
from carton_runtime.runner_kernels.heartbeat import Heartbeat
from carton_runtime.runner_kernels.place import Place
from carton_runtime.runner_kernels.sealing import SealedInputs

LAST = frozenset({Kind.RESULT, Kind.DONE, Kind.FAILED, Kind.SEALED})
"""The kinds of a call's last reply."""


_QUESTIONS = 4  # while one interrupt has its time: between two calls the kernel is at work on none


@dataclass(frozen=True)
class CancelLimits:
    """Seconds that each step of cancelling a call may take.

    Attributes:
        told: until a model that was told is interrupted.
        interrupted: until a model that was interrupted is killed.
    """

    told: float = 0.2
    interrupted: float = 2.0


class Canceller:
    """Sees off the calls of one kernel that nobody waits for any more.

    Args:
        channel: where the replies come.
        heartbeat: sends signals, and knows of which calls the kernel says that they wait for others.
        sealed: the inputs that the kernel keeps.
        limits: how patient to be.
        kill: ends the kernel, for the reason given.
        spawn: runs work on the background loop.
        over: called when a call is over and done with.
    """

    def __init__(
        self,
        channel: Channel,
        heartbeat: Heartbeat,
        sealed: SealedInputs,
        limits: CancelLimits,
        kill: Callable[[str], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        over: Callable[[], None],
    ) -> None:
        self._channel = channel
        self._heartbeat = heartbeat
        self._sealed = sealed
        self._limits = limits
        self._kill = kill
        self._spawn = spawn
        self._over = over

    def give_up(self, place: Place) -> None:
        """Nobody waits for this call any more; from any thread, without waiting. A second time changes nothing."""
        if place.is_given_up:
            return
        self._channel.open(place)  # an interrupt may have come before it was, and there will be an answer
        with contextlib.suppress(CartonError):  # the kernel is gone, and the call with it
            self._channel.post(Kind.CANCEL, place.call)  # before anything that this caller asks for next
        background_loop().call_soon_threadsafe(self._begin, place)

    def _begin(self, place: Place) -> None:
        if not place.is_given_up:
            place.is_given_up = True
            self._spawn(self._see_off(place))

    async def _see_off(self, place: Place) -> None:
        """Wait for the call's last reply, with growing insistence.

        A call that has not begun, or a stream between two items, is only waited for while the kernel is at work on
        others. The kernel says so when it is asked. Native code may keep it from saying anything: then a plain call
        that has others before it is taken to wait.
        """
        try:
            if not await self._ended(place):
                self._kill(f"a cancelled call did not stop within {self._limits.interrupted:g} s of being interrupted")
        except CartonError:
            return  # the kernel is gone, and the call with it
        finally:
            self._heartbeat.waiting.discard(place.call)
            self._channel.close_place(place)
            self._over()

    async def _ended(self, place: Place) -> bool:
        """Whether the call could be brought to its end."""
        self._heartbeat.signal(Signal.CANCEL, place.call)
        if place.last is not None and place.last.kind in LAST:
            self._undo(place.last)
            return True
        if await self._answered(place, self._limits.told):
            return True
        while not await self._interrupted(place):
            if place.call not in self._heartbeat.waiting and not self._channel.is_queued(place):
                return False
            self._heartbeat.waiting.discard(place.call)
        return True

    async def _interrupted(self, place: Place) -> bool:
        """Interrupt a call, and ask meanwhile whether it waits for others; whether its last reply came."""
        self._heartbeat.signal(Signal.INTERRUPT, place.call)
        for _ in range(_QUESTIONS):
            self._heartbeat.signal(Signal.ASK, place.call)
            if await self._answered(place, self._limits.interrupted / _QUESTIONS):
                return True
        return False

    async def _answered(self, place: Place, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while (message := await self._channel.receive(place)).kind not in LAST:
                    pass
        except TimeoutError:
            return False
        self._undo(message)
        return True

    def _undo(self, reply: Message) -> None:
        """Nobody wanted this reply: what was sealed is not kept for nobody."""
        if reply.kind is Kind.SEALED:
            self._sealed.add(reply.call, reply.fields["handle"], owner=None)
