"""One call to a kernel: let in, sent, answered, and left in order whatever happens in between."""

from __future__ import annotations

import asyncio
import logging
from contextvars import copy_context
from time import perf_counter
from typing import Any, Self
from weakref import ref

from carton_runtime._child.carton_wire.frames import new_tuple
from carton_runtime._child.carton_wire.messages import Kind, Message
from carton_runtime._child.carton_wire.tensors import Form
from carton_runtime._child.carton_wire.values import Tensor
from carton_runtime.errors import CallTimeoutError, CartonError
from carton_runtime.runner_kernels.cancelling import LAST
from carton_runtime.runner_kernels.deadlines import check_timeout
from carton_runtime.runner_kernels.kernel import Kernel
from carton_runtime.runner_kernels.relay import logger
from carton_runtime.runner_kernels.replies import raise_failure

_SEALED, _FAILED = Kind.SEALED, Kind.FAILED  # every call asks, and to find an enum's member takes long in Python 3.11


class Call:
    """A context in which a request is sent and its replies are received.

    Leaving it before the last reply gives the call up: the model is told to stop, and made to if it does not.

    `KeyboardInterrupt` may strike between any two steps. What is begun in `__enter__` is given up there, what comes
    later by `__exit__`; and where that was struck before it began, by the kernel, which sees that nobody has this
    object any more.

    Args:
        kernel: which to call; its gate was open.
        tensors: the inputs.
        form: theirs, if it is known already.
        fields: of the message.
        timeout: seconds until a reply must have come.
        kind: what to ask.
    """

    def __init__(
        self,
        kernel: Kernel,
        tensors: dict[str, Tensor],
        form: Form | None,
        fields: dict[str, Any],
        timeout: float | None = None,
        kind: Kind = Kind.CALL,
    ) -> None:
        if timeout is not None:
            check_timeout(timeout)
        self._start = perf_counter()
        self._kernel = kernel
        self._timeout = timeout
        self._place = place = kernel.channel.new_place(is_stream=bool(fields.get("credit")))
        place.caller = ref(self)
        self._request = new_tuple(Message, (kind, place.call, fields, tensors, form))
        self._is_open = True

    def __enter__(self) -> Self:
        kernel = self._kernel
        if logger.isEnabledFor(logging.INFO):
            self._place.context = copy_context()
        try:
            kernel.channel.open(self._place)
            kernel.channel.send(self._request)
            if kernel.record.listeners:
                kernel.announce()
        except BaseException:
            self._give_up()
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._is_open:
            self._give_up()
        if error is not None and isinstance(error, CartonError):
            self._kernel.statistics.count_failure(str(error))
        if self._kernel.record.listeners:
            self._kernel.announce()

    @property
    def number(self) -> int:
        """What the kernel knows the call by."""
        return self._place.call

    async def receive(self) -> Message:
        """The next reply.

        Raises:
            ModelError: the model raised.
            KernelDiedError: its process ended.
            CallTimeoutError: it took too long.
        """
        if self._timeout is None:
            return self._received(await self._kernel.channel.receive(self._place))
        try:
            async with asyncio.timeout(self._timeout) as limit:
                return self._received(await self._kernel.channel.receive(self._place))
        except TimeoutError as error:
            if not limit.expired():
                raise  # a signal handler's, in the middle of this
            raise self._too_long() from error

    def receive_blocking(self) -> Message:
        """The next reply, waiting in this thread. Raises as `receive` does."""
        message = self._kernel.channel.receive_blocking(self._place, self._timeout)
        if message is None:
            raise self._too_long()
        return self._received(message)

    def ask_for_more(self, credit: int) -> None:
        """Let the kernel send `credit` further items."""
        self._kernel.channel.post(Kind.MORE, self._place.call, credit=credit)

    def _received(self, message: Message) -> Message:
        kernel = self._kernel
        if message.kind in LAST:
            if message.kind is _SEALED:
                kernel.sealed.add(message.call, message.fields["handle"], owner=self)
            if self._place.context is not None:
                # What the model printed comes before its result, and to whoever has this call open.
                kernel.drain_log()
            kernel.close_call(self._place)
            self._is_open = False
            kernel.statistics.count(perf_counter() - self._start)
        if message.kind is _FAILED:
            raise_failure(message)
        return message

    def _give_up(self) -> None:
        self._kernel.give_up(self._place)
        self._is_open = False

    def _too_long(self) -> CallTimeoutError:
        return CallTimeoutError(f"model {self._kernel.name!r} did not answer within {self._timeout:g} s")
