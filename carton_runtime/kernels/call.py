"""One call to a kernel: opened, answered, and left in order whatever happens in between."""

from __future__ import annotations

import contextlib
from typing import Any, Self

from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.errors import CartonError
from carton_runtime.kernels.channel import Channel
from carton_runtime.kernels.kernel import raise_failure

_LAST = (Kind.RESULT, Kind.DONE, Kind.FAILED, Kind.SEALED)


class Call:
    """A context in which a request is sent and its replies are received.

    Leaving it before the last reply tells the kernel that nobody waits any more.
    """

    def __init__(self, channel: Channel, kind: Kind, tensors: dict[str, Tensor] | None = None, **fields: Any) -> None:
        self._channel = channel
        self._place = channel.open()
        self._is_open = True
        try:
            channel.post(kind, self._place.call, tensors, **fields)
        except BaseException:
            channel.close_place(self._place)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close_place(self._place)
        if self._is_open:
            with contextlib.suppress(CartonError):  # the kernel is gone, and the call with it
                self._channel.post(Kind.CANCEL, self._place.call)

    async def receive(self) -> Message:
        """The next reply.

        Raises:
            ModelError: the model raised.
            KernelDiedError: its process ended.
        """
        return self._received(await self._channel.receive(self._place))

    def receive_blocking(self) -> Message:
        """The next reply, waiting in this thread. Raises as `receive` does."""
        return self._received(self._channel.receive_blocking(self._place))

    def ask_for_more(self, credit: int) -> None:
        """Let the kernel send `credit` further items."""
        self._channel.post(Kind.MORE, self._place.call, credit=credit)

    def _received(self, message: Message) -> Message:
        if message.kind in _LAST:
            self._is_open = False
        raise_failure(message)
        return message
