"""Give up a call: tell the model, then interrupt it, then end its process.

The caller does not wait for this: it happens on the background loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from carton_runtime._child.carton_wire.control import Signal
from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime.errors import CartonError
from carton_runtime.runner_kernels.channel import Channel
from carton_runtime.runner_kernels.place import Place

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


async def see_off(
    channel: Channel,
    place: Place,
    limits: CancelLimits,
    signal: Callable[[Signal, int], None],
    waiting: set[int],
    undo: Callable[[Message], None],
    kill: Callable[[str], None],
) -> None:
    """Wait for the last reply of a call that was given up, with growing insistence.

    A call that has not begun, or a stream between two items, is only waited for while the kernel is at work on others.
    The kernel says so when it is asked. Native code may keep it from saying anything: then a plain
    call that has others before it is taken to wait.

    Args:
        channel: where the reply comes.
        place: the call's place.
        limits: how patient to be.
        signal: sends a signal to the kernel.
        waiting: where calls are put of which the kernel says that they wait for others.
        undo: gets a last reply that nobody wanted.
        kill: ends the kernel, for the reason given.
    """
    signal(Signal.CANCEL, place.call)
    try:
        if place.last is not None and place.last.kind in LAST:
            undo(place.last)
            return
        if await _answered(channel, place, limits.told, undo):
            return
        while not await _interrupted(channel, place, limits, signal, undo):
            if place.call not in waiting and not channel.is_queued(place):
                break
            waiting.discard(place.call)
        else:
            return
        kill(f"a cancelled call did not stop within {limits.interrupted:g} s of being interrupted")
    except CartonError:
        return  # the kernel is gone, and the call with it
    finally:
        waiting.discard(place.call)
        channel.close_place(place)


async def _interrupted(
    channel: Channel,
    place: Place,
    limits: CancelLimits,
    signal: Callable[[Signal, int], None],
    undo: Callable[[Message], None],
) -> bool:
    """Interrupt a call, and ask meanwhile whether it waits for others; whether its last reply came."""
    signal(Signal.INTERRUPT, place.call)
    for _ in range(_QUESTIONS):
        signal(Signal.ASK, place.call)
        if await _answered(channel, place, limits.interrupted / _QUESTIONS, undo):
            return True
    return False


async def _answered(channel: Channel, place: Place, seconds: float, undo: Callable[[Message], None]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while (message := await channel.receive(place)).kind not in LAST:
                pass
    except TimeoutError:
        return False
    undo(message)
    return True
