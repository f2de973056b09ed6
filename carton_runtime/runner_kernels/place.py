"""Where the replies to one call are put until its caller takes them, by whoever reads them."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from copy import copy

from carton_runtime._child.carton_wire.messages import Message
from carton_runtime.errors import CartonError


class Place:
    """Where the replies to one call are put until its caller takes them.

    Attributes:
        call: the call's number.
        is_stream: whether the call may be suspended between replies.
        context: where the call was made, if somebody listens to what the model prints.
        last: the reply that was taken last; its taker may have been interrupted before she looked at it.
    """

    def __init__(self, call: int, *, is_stream: bool = False) -> None:
        self.call = call
        self.is_stream = is_stream
        self.context: Context | None = None
        self.failure: CartonError | None = None
        self.wake: Callable[[], None] | None = None
        self.last: Message | None = None
        self._inbox: dict[int, Message] = {}
        self._taken = -1

    def put(self, sequence: int, message: Message) -> None:
        """Add a reply; one that was here already changes nothing."""
        if sequence > self._taken:
            self._inbox[sequence] = message
            self._rouse()

    def fail(self, failure: CartonError) -> None:
        """There will be no further replies."""
        self.failure = failure
        self._rouse()

    def take(self) -> Message | None:
        """The next reply, if one is here.

        Raises:
            CartonError: none is here and none will come.
        """
        if self._inbox:
            sequence = next(iter(self._inbox))
            message = self.last = self._inbox[sequence]
            self._taken = sequence
            self._inbox.pop(sequence)
            return message
        if self.failure is not None:
            raise copy(self.failure)  # her own, with her own traceback
        return None

    @property
    def settled(self) -> bool:
        """Whether `take` has something to say."""
        return bool(self._inbox) or self.failure is not None

    def _rouse(self) -> None:
        wake = self.wake
        if wake is not None:
            wake()
