"""The closed set of messages between the host and a runner kernel.

A message is one frame. Its header is a JSON object: ``fields`` as below, ``tensors`` (see `carton_wire.tensors`), and,
when there are any, ``free`` and ``drop`` (see `carton_wire.memory`). Headers that are alike are made once and
understood once.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, Mapping, NamedTuple, Sequence

from .errors import WireError
from .frames import ALIGNMENT, SMALL, Frame, encode_frame, new_tuple, opening, pack_numbers
from .memory import Memory
from .nested import NestedTensor
from .tensors import (
    BODY,
    Form,
    Slot,
    body_size,
    describe,
    described_form,
    flat_bytes,
    form_of,
    rebuild,
    refuse_unfit,
    slots_of,
    views,
    views_of,
)
from .values import Tensor

WIRE_VERSION = 2
"""The runner interface version that this wire is; 1 is the original Carton's."""


CANCELLED = "carton.cancelled"
"""What a FAILED message has for the type, when the call was cancelled and not the model at fault."""


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
    TRIM = 14  # host: give back shared memory that has been idle
    TRIMMED = 15  # kernel: done, and this is the news
    RELEASE = 16  # host: this handle will not be used


_KINDS = {kind.value: kind for kind in Kind}

_FIELDS: Mapping[Kind, Mapping[str, tuple[type, ...]]] = {
    Kind.HELLO: {"wire": (int,), "pid": (int,), "python": (str,), "numpy": (str,)},
    Kind.LOAD: {
        "runner": (str,),
        "model": (str,),
        "options": (dict,),
        "batch": (dict,),
        "memory_limit": (int, type(None)),
    },
    Kind.READY: {"warnings": (list,), "concurrency": (int,)},
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
    Kind.TRIM: {},
    Kind.TRIMMED: {},
    Kind.RELEASE: {"handle": (int,)},
}

_REPEATED = frozenset({Kind.CALL, Kind.RESULT, Kind.ITEM, Kind.DONE, Kind.SEAL, Kind.MORE, Kind.CANCEL})
"""What is said so often that its headers are kept; their fields are numbers and nothing."""

_encode_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_MOST_REMEMBERED = 256
_MOST_DIGITS = 30  # more than any size has
_LONGEST_REMEMBERED = 1 << 12


class Message(NamedTuple):
    """One message, with the tensors that it carries, and their form if that is known already."""

    kind: Kind
    call: int
    fields: dict[str, Any]
    tensors: dict[str, Tensor]
    form: Form | None = None


class Header:
    """A header, understood.

    Attributes:
        kind: of the message.
        fields: of the message.
        slots: its tensors.
        body_size: the bytes that they take in the frame's body.
        views: its tensors for `carton_wire.tensors.views`, where all of them are numbers in the body; `None` elsewhere.
        form: of the tensors, where the header says all about that.
        free: regions of ours that the other side does not use any more.
        drop: regions of theirs that are gone.
        touches_memory: whether to decode its frame borrows or frees shared memory.
    """

    def __init__(
        self, kind: Kind, fields: dict[str, Any], slots: tuple[Slot, ...], free: tuple[int, ...], drop: tuple[int, ...]
    ) -> None:
        self.kind = kind
        self.fields = fields
        self.slots = slots
        self.body_size = body_size(slots)
        self.views = views_of(slots)
        self.form = described_form(slots)
        self.free = free
        self.drop = drop
        self.touches_memory = bool(free or drop) or any(slot.region != BODY for slot in slots)


class _Layout(NamedTuple):
    """How the small messages of one form are sent: the same prefix but for its numbers, and the same header."""

    opening: bytes
    header: bytes
    gaps: tuple[bytes, ...]  # what stands before each tensor's bytes


class Codec:
    """Messages to frames and back, for one side of one connection. Encoding and decoding may run in different threads.

    Args:
        memory: the shared memory of the connection.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._made: dict[Any, bytes] = {}
        self._layouts: dict[Any, _Layout] = {}
        self._understood: dict[tuple[int, bytes], Header] = {}
        self._sequence = 0

    def encode_again(self, message: Message) -> bytes | None:
        """The frame of a small message like one before, without a look at shared memory; `None` for any other."""
        if message.kind not in _REPEATED or self._memory.has_news:
            return None
        kind, call, fields, tensors, form = message
        layout = self._layouts.get((kind, *fields.values(), form or form_of(tensors)))
        if layout is None:
            return None
        arrays: Any = tensors.values()  # messages with nested tensors have no layout
        if len(layout.gaps) == 1:
            (array,) = arrays
            body: bytes = array.tobytes()
        else:
            body = b"".join([gap + array.tobytes() for gap, array in zip(layout.gaps, arrays)])
        self._sequence = sequence = self._sequence + 1
        return layout.opening + pack_numbers(sequence, call) + layout.header + body

    def encode(self, message: Message) -> list[memoryview]:
        """The pieces to send; they share memory with the message's tensors.

        Raises:
            WireError: a tensor, or the message, is not what the wire carries.
        """
        refuse_unfit(message.tensors)  # before anything is lent, which nobody would give back
        buffers = []
        places = []
        for tensor in message.tensors.values():
            region, offset = self._memory.lend(tensor)
            places.append((region, offset))
            if region == BODY:
                buffers.append(flat_bytes(tensor))
        free, drop = self._memory.news()
        header = self._header(message, places, free, drop)
        self._sequence += 1
        return encode_frame(message.kind, self._sequence, message.call, header, buffers)

    def decode(self, frame: Frame) -> Message:
        """The message in a frame. Raises as `understand` and `fill` do."""
        return self.fill(self.understand(frame), frame)

    def understand(self, frame: Frame) -> Header:
        """A frame's header; nothing else happens yet.

        Raises:
            WireError: it is none of the closed set, or a part of it is missing or makes no sense.
        """
        key = (frame[0], frame[3])
        return self._understood.get(key) or self._newly_understood(key)

    def _newly_understood(self, key: tuple[int, bytes]) -> Header:
        header = _understand(*key)
        _remember(self._understood, key, header, header.kind, len(key[1]))
        return header

    def fill(self, header: Header, frame: Frame) -> Message:
        """The message that a frame makes with its header.

        Raises:
            WireError: its tensors do not fit its body, or the memory they name.
        """
        _, _, call, _, body = frame
        if header.body_size != len(body):
            raise WireError(f"the tensors of a frame take {header.body_size} of its {len(body)} bytes")
        if header.views is not None:
            tensors = views(header.views, body)
        else:
            tensors = rebuild(header.slots, memoryview(body), self._memory.view)
        if header.touches_memory:
            self._memory.hear(header.free, header.drop)  # once all views are made: what is freed may be used again
        return new_tuple(Message, (header.kind, call, header.fields, tensors, header.form))

    def _header(
        self, message: Message, places: list[tuple[int, int]], free: Sequence[int], drop: Sequence[int]
    ) -> bytes:
        # The shape of a nested tensor does not say the sizes of its parts.
        is_nested = any(isinstance(tensor, NestedTensor) for tensor in message.tensors.values())
        if is_nested or message.kind not in _REPEATED:
            return _make(message, places, free, drop)
        likeness = _likeness(message)
        key = (likeness, *places, *free, None, *drop)
        known = self._made.get(key)
        if known is None:
            known = _make(message, places, free, drop)
            _remember(self._made, key, known, message.kind, len(known))
            gaps, length = _gaps(message)
            if length <= SMALL and not (free or drop):
                layout = _Layout(opening(message.kind, len(known), length), known, gaps)
                _remember(self._layouts, likeness, layout, message.kind, len(known))
        return known


def _likeness(message: Message) -> tuple[Any, ...]:
    """What messages have in common whose headers are the same, if their tensors are in the same places."""
    kind, _, fields, tensors, form = message
    return (kind, *fields.values(), form or form_of(tensors))


def _gaps(message: Message) -> tuple[tuple[bytes, ...], int]:
    """What stands before each tensor in a frame's body, and how long the body is."""
    gaps = []
    length = 0
    for tensor in message.tensors.values():
        gaps.append(bytes(-length % ALIGNMENT))
        length += len(gaps[-1]) + tensor.nbytes
    return tuple(gaps), length


def _remember(memory: dict[Any, Any], key: Any, value: Any, kind: Kind, size: int) -> None:
    if kind in _REPEATED and size <= _LONGEST_REMEMBERED:
        if len(memory) >= _MOST_REMEMBERED:
            memory.clear()
        memory[key] = value


def _make(message: Message, places: list[tuple[int, int]], free: Sequence[int], drop: Sequence[int]) -> bytes:
    tensors = [describe(name, tensor, *place) for (name, tensor), place in zip(message.tensors.items(), places)]
    header: dict[str, Any] = {"fields": message.fields, "tensors": tensors}
    if free or drop:
        header.update(free=list(free), drop=list(drop))
    return _encode_json(header).encode()


def _understand(number: int, text: bytes) -> Header:
    kind = _KINDS.get(number)
    if kind is None:
        raise WireError(f"message kind {number} is unknown")
    header = _json(text)
    fields = header.get("fields")
    if not isinstance(fields, dict):
        raise WireError(f"{kind.name} has no fields")
    for name, types in _FIELDS[kind].items():
        if name not in fields or type(fields[name]) not in types:
            raise WireError(f"{kind.name} has {fields.get(name)!r} for {name}")
    slots = slots_of(header.get("tensors"))
    free, drop = _regions(header.get("free")), _regions(header.get("drop"))
    return Header(kind, fields, slots, free, drop)


def _json(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text, parse_int=_integer)
    # No plain `ValueError`, which may be a signal handler's that has come in between.
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"a frame's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise WireError(f"a frame's header is {type(header).__name__}, not an object")
    return header


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise WireError("a frame's header has a number that is too long")
    return int(digits)


def _regions(value: Any) -> tuple[int, ...]:
    value = [] if value is None else value
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise WireError(f"{value!r} are no regions")
    return tuple(value)
