"""The closed set of messages between the host and a runner kernel.

A message is one frame. Its header holds the fields below, the call it belongs to (``call``, 0 for the session itself)
and the descriptors of its tensors (``tensors``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Mapping, NamedTuple

from .errors import WireError
from .frames import Frame, encode_frame
from .tensors import describe, rebuild
from .values import Tensor

WIRE_VERSION = 2
"""The runner interface version that this wire is; 1 is the original Carton's."""


class Kind(IntEnum):
    """What a message says. Names are seen from the sender."""

    HELLO = 1  # kernel: I run, and this is who I am
    LOAD = 2  # host: become this model
    READY = 3  # kernel: the model is loaded
    CALL = 4  # host: run the model, on tensors or on a sealed handle
    RESULT = 5  # kernel: the only result of a call
    ITEM = 6  # kernel: one result of a streaming call
    DONE = 7  # kernel: a streaming call has no more items
    FAILED = 8  # kernel: a call, or loading, failed
    SEAL = 9  # host: keep these tensors for later
    SEALED = 10  # kernel: they are kept, under this handle
    MORE = 11  # host: send further items of a streaming call
    CANCEL = 12  # host: nobody waits for this call any more
    CLOSE = 13  # host: end yourself


_FIELDS: Mapping[Kind, Mapping[str, tuple[type, ...]]] = {
    Kind.HELLO: {"wire": (int,), "pid": (int,), "python": (str,), "numpy": (str,)},
    Kind.LOAD: {"runner": (str,), "model": (str,), "options": (dict,)},
    Kind.READY: {"warnings": (list,)},
    Kind.CALL: {"handle": (int, type(None)), "credit": (int,)},
    Kind.RESULT: {},
    Kind.ITEM: {},
    Kind.DONE: {},
    Kind.FAILED: {"type": (str,), "message": (str,), "traceback": (str,)},
    Kind.SEAL: {},
    Kind.SEALED: {"handle": (int,)},
    Kind.MORE: {"credit": (int,)},
    Kind.CANCEL: {},
    Kind.CLOSE: {},
}


class Message(NamedTuple):
    """One message, with the tensors that it carries."""

    kind: Kind
    call: int
    fields: dict[str, Any]
    tensors: dict[str, Tensor]


def encode_message(message: Message, sequence: int) -> list[memoryview]:
    """The pieces to send; they share memory with the message's tensors."""
    descriptors, buffers = describe(message.tensors)
    header = {"call": message.call, "fields": message.fields, "tensors": descriptors}
    return encode_frame(message.kind, sequence, header, buffers)


def decode_message(frame: Frame) -> Message:
    """The message in a frame.

    Raises:
        WireError: it is none of the closed set, or a field is missing or of the wrong type.
    """
    try:
        kind = Kind(frame.kind)
    except ValueError as error:
        raise WireError(f"message kind {frame.kind} is unknown") from error
    header = frame.header
    call, fields = header.get("call"), header.get("fields")
    if type(call) is not int or call < 0 or not isinstance(fields, dict):
        raise WireError(f"{kind.name} has no call number or no fields")
    for name, types in _FIELDS[kind].items():
        if type(fields.get(name)) not in types:
            raise WireError(f"{kind.name} has {fields.get(name)!r} for {name}")
    return Message(kind, call, fields, rebuild(header.get("tensors"), frame.body))
