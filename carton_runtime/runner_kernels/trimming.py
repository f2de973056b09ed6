"""Give back shared memory that is idle, on both sides, when there have been no calls for a while."""

from __future__ import annotations

import asyncio
import contextlib

from carton_runtime._child.carton_wire.memory import Memory
from carton_runtime._child.carton_wire.messages import Kind
from carton_runtime.errors import CartonError
from carton_runtime.runner_kernels.channel import Channel
from carton_runtime.runner_kernels.statistics import CallStatistics

_AFTER = 30.0  # seconds without a call


async def trim_when_idle(channel: Channel, memory: Memory, statistics: CallStatistics) -> None:
    """See to it until the channel ends."""
    seen = -1
    while not channel.ended:
        await asyncio.sleep(_AFTER)
        calls, seen = seen, statistics.calls
        if calls == seen and not channel.ended and memory.holds_memory:
            await trim_both(channel, memory)


async def trim_both(channel: Channel, memory: Memory) -> None:
    """Give back what is idle here, and have the kernel do the same."""
    memory.trim()
    place = channel.new_place()
    channel.open(place)
    try:
        with contextlib.suppress(CartonError):  # the kernel is gone, and its memory with it
            channel.post(Kind.TRIM, place.call)
            await channel.receive(place)
    finally:
        channel.close_place(place)
