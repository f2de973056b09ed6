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
        caller: gives who waits, or `None` when nobody has her any more.
        is_given_up: whether nobody waits for the call any more, and it is being ended.
    """

    # On the class: most places never have others.
    context: Context | None = None
    failure: CartonError | None = None
    wake: Callable[[], None] | None = None
    last: Message | None = None
    caller: Callable[[], object] | None = None
    is_given_up = False
    _taken = -1

    def __init__(self, call: int, *, is_stream: bool = False) -> None:
        self.call = call
        self.is_stream = is_stream
        self._inbox: dict[int, Message] = {}

    def put(self, sequence: int, message: Message) -> None:
        """Add a reply; one that was here already changes nothing."""
        if sequence > self._taken:
            self._inbox[sequence] = message
            if self.wake is not None:
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
        for sequence, message in self._inbox.items():
            self.last = message
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

    @property
    def is_forgotten(self) -> bool:
        """Whether its caller is gone, and has not even given it up."""
        return self.caller is not None and self.caller() is None

    def _rouse(self) -> None:
        wake = self.wake
        if wake is not None:
            wake()
