"""From a process that was started to a model that is loaded: greeting, limits, loading."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from carton_runtime._child.carton_wire.messages import WIRE_VERSION, Kind, Message
from carton_runtime.errors import ProtocolError, SettingsError
from carton_runtime.runner_kernels.channel import Channel
from carton_runtime.runner_kernels.place import Place
from carton_runtime.runner_kernels.proc import private_data_bytes, resident_bytes
from carton_runtime.runner_kernels.replies import raise_failure
from carton_runtime.runner_kernels.spec import KernelSpec

SESSION = 0
"""The number of what is no call."""

_START_LIMIT = 60.0  # seconds until a process that was started must have greeted us
_ROOM = 32_000_000  # bytes beyond what an empty kernel has: below, it may not even be able to say that it failed


@dataclass(frozen=True)
class Greeting:
    """What a kernel says of itself.

    Attributes:
        pid: its number.
        python: the version of its Python.
        numpy: the version of its numpy.
    """

    pid: int
    python: str
    numpy: str


async def have_loaded(channel: Channel, spec: KernelSpec, greeted: Callable[[Greeting], None]) -> Message:
    """Wait for the kernel's greeting, hand that to `greeted`, and have it load the model; gives its READY.

    Raises:
        ProtocolError: it speaks another language, or did not greet in time.
        SettingsError: the memory limit is too small for any model.
        ModelError: the model could not be loaded.
        KernelDiedError: the process ended before the model was loaded.
    """
    place = Place(SESSION)
    channel.open(place)
    try:
        greeting = await _greeting(channel, place, spec)
        greeted(greeting)
        _check_memory_limit(spec, greeting.pid)
        _ask_to_load(channel, spec)
        ready = await channel.receive(place)
    finally:
        channel.close_place(place)
    if ready.kind is Kind.FAILED:
        raise_failure(ready)
    return ready


async def _greeting(channel: Channel, place: Place, spec: KernelSpec) -> Greeting:
    try:
        async with asyncio.timeout(_START_LIMIT):
            hello = await channel.receive(place)
    except TimeoutError:
        raise ProtocolError(f"the process of model {spec.name!r} said nothing for {_START_LIMIT:g} s") from None
    fields = hello.fields
    if hello.kind is not Kind.HELLO or fields["wire"] != WIRE_VERSION:
        raise ProtocolError(f"the model's process speaks {fields!r}, not version {WIRE_VERSION} of the wire")
    return Greeting(fields["pid"], fields["python"], fields["numpy"])


def _check_memory_limit(spec: KernelSpec, pid: int) -> None:
    needed = max(private_data_bytes(pid) or 0, resident_bytes(pid) or 0) + _ROOM
    if spec.memory_limit is not None and spec.memory_limit < needed:
        raise SettingsError(
            f"memory_limit is {spec.memory_limit / 1e6:,.4g} MB, and the process of model {spec.name!r} needs "
            f"{needed / 1e6:,.0f} MB before it loads anything; allow that and what the model itself needs"
        )


def _ask_to_load(channel: Channel, spec: KernelSpec) -> None:
    channel.post(
        Kind.LOAD,
        SESSION,
        runner=str(spec.runner),
        model=str(spec.model_dir),
        options=dict(spec.options),
        batch={side: dict(axes) for side, axes in spec.batch_axes.items()},
        memory_limit=spec.memory_limit,
    )
