"""What a kernel's replies mean to whoever called."""

from __future__ import annotations

from typing import NoReturn

from carton_runtime._child.carton_wire.messages import CANCELLED, Message
from carton_runtime.errors import CallCancelledError, ModelError


def raise_failure(message: Message) -> NoReturn:
    """Raise what a FAILED message tells.

    Raises:
        CallCancelledError: the call was interrupted.
        ModelError: the model raised.
    """
    kind, text = message.fields["type"], message.fields["message"]
    if kind == CANCELLED:
        raise CallCancelledError(text)
    told = f"the model raised {kind}: {text}" if kind else text
    raise ModelError(told, remote_type=kind, remote_traceback=message.fields["traceback"])
