"""Messages: a closed set, each with its fields."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from child.tools import codec, decoded, frame_bytes, frame_of

from carton_runtime._child.carton_wire.errors import WireError
from carton_runtime._child.carton_wire.messages import Codec, Kind, Message
from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime._child.carton_wire.tensors import form_of
from carton_runtime._child.carton_wire.values import Tensor

FIELDS: dict[Kind, dict[str, Any]] = {
    Kind.HELLO: {"wire": 2, "pid": 1, "python": "3.8.0", "numpy": "1.24.0"},
    Kind.LOAD: {
        "runner": "/main.py",
        "model": "/model",
        "options": {"a": 1, "b": "ü"},
        "batch": {},
        "memory_limit": None,
    },
    Kind.READY: {"warnings": ["careful"], "concurrency": 1},
    Kind.CALL: {"handle": None, "credit": 0},
    Kind.FAILED: {"type": "ValueError", "message": "no", "traceback": "Traceback"},
    Kind.SEALED: {"handle": 7},
    Kind.MORE: {"credit": 3},
    Kind.RELEASE: {"handle": 7},
}
"""A message of each kind that has fields."""

EACH_FIELD = [(kind, name) for kind, fields in FIELDS.items() for name in fields]
OR_NONE = {(Kind.CALL, "handle"), (Kind.LOAD, "memory_limit")}
OTHER_TYPES: list[Any] = [None, True, 1, 1.5, "text", [], {}]


def fields_of(kind: Kind) -> dict[str, Any]:
    return dict(FIELDS.get(kind, {}))


def received(kind: int, header: Any, *, codec: Codec | None = None) -> Message:
    """What the other side makes of a header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    (frame,) = decoded(frame_bytes(kind, header=text))
    return (codec or globals()["codec"]()).decode(frame)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name)
def test_every_kind_arrives_as_it_was_sent(kind: Kind) -> None:
    message = Message(kind, 12, fields_of(kind), {}, form=())
    assert codec().decode(frame_of(message)) == message


def test_a_sealed_call_arrives_with_its_handle() -> None:
    message = Message(Kind.CALL, 12, {"handle": 3, "credit": 0}, {}, form=())
    assert codec().decode(frame_of(message)) == message


def test_the_form_that_a_header_tells_is_that_of_its_tensors() -> None:
    tensors = {"x": np.zeros((2, 3), np.float32), "y": np.array(7, np.int8)}
    message = codec().decode(frame_of(Message(Kind.RESULT, 12, {}, tensors)))
    assert message.form == form_of(message.tensors) == form_of(tensors)


@pytest.mark.parametrize("tensor", [np.array(["a"]), NestedTensor([[1], [2, 3]])], ids=["string", "nested"])
def test_where_a_header_does_not_tell_it_a_form_is_not_guessed(tensor: Tensor) -> None:
    assert codec().decode(frame_of(Message(Kind.RESULT, 12, {}, {"x": tensor}))).form is None


def test_the_numbers_of_the_kinds_are_fixed() -> None:
    names = "HELLO LOAD READY CALL RESULT ITEM DONE FAILED SEAL SEALED MORE CANCEL CLOSE TRIM TRIMMED RELEASE"
    assert [kind.name for kind in Kind] == names.split()
    assert [kind.value for kind in Kind] == list(range(1, len(Kind) + 1))


@pytest.mark.parametrize("kind", [0, max(Kind) + 1, 2**16 - 1])
def test_an_unknown_kind_is_refused(kind: int) -> None:
    with pytest.raises(WireError, match=f"message kind {kind} is unknown"):
        received(kind, {"fields": {}, "tensors": []})


@pytest.mark.parametrize(("kind", "name"), EACH_FIELD, ids=str)
def test_a_missing_field_is_refused_by_name(kind: Kind, name: str) -> None:
    fields = fields_of(kind)
    del fields[name]
    with pytest.raises(WireError, match=f"{kind.name} has None for {name}"):
        received(kind, {"fields": fields, "tensors": []})


@pytest.mark.parametrize(("kind", "name"), EACH_FIELD, ids=str)
def test_a_field_of_any_other_type_is_refused_by_name(kind: Kind, name: str) -> None:
    right = {int, type(None)} if (kind, name) in OR_NONE else {type(FIELDS[kind][name])}
    for value in OTHER_TYPES:
        fields = {**fields_of(kind), name: value}
        if type(value) in right:
            received(kind, {"fields": fields, "tensors": []})
        else:
            with pytest.raises(WireError, match=rf"{kind.name} has .* for {name}"):
                received(kind, {"fields": fields, "tensors": []})


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"fields": ' + b"1" * 5000 + b"}", "too long"),
        (b"[]", "is list, not an object"),
        (b"null", "is NoneType, not an object"),
        ({}, "has no fields"),
        ({"fields": []}, "has no fields"),
        ({"fields": {}}, "described by NoneType, not a list"),
        ({"fields": {}, "tensors": {}}, "described by dict, not a list"),
        ({"fields": {}, "tensors": [], "free": 1}, "1 are no regions"),
        ({"fields": {}, "tensors": [], "free": ["1"]}, "are no regions"),
        ({"fields": {}, "tensors": [], "drop": [True]}, "are no regions"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(header: Any, message: str) -> None:
    with pytest.raises(WireError, match=message):
        received(Kind.RESULT, header)


def test_keys_that_a_later_version_adds_are_left_alone() -> None:
    message = received(Kind.MORE, {"fields": {"credit": 1, "later": 2}, "tensors": [], "later": {}})
    assert message.fields["credit"] == 1


def test_frames_are_numbered_in_the_order_they_were_made() -> None:
    sender = codec()
    data = b"".join(b"".join(sender.encode(Message(Kind.DONE, call, {}, {}))) for call in (9, 8, 7))
    frames = decoded(data)
    assert [frame[2] for frame in frames] == [9, 8, 7]
    assert frames[0][1] < frames[1][1] < frames[2][1]


# Headers are made once and understood once


def calls() -> list[Message]:
    """Calls that differ in one thing each."""
    five, six = np.zeros(5, np.float32), np.zeros(6, np.float32)
    plain = {"handle": None, "credit": 0}
    return [
        Message(Kind.CALL, 1, plain, {"x": five}),
        Message(Kind.CALL, 2, plain, {"x": five}),
        Message(Kind.CALL, 1, plain, {"y": five}),
        Message(Kind.CALL, 1, plain, {"x": six}),
        Message(Kind.CALL, 1, plain, {"x": five.astype(np.int32)}),
        Message(Kind.CALL, 1, plain, {"x": five.reshape(5, 1)}),
        Message(Kind.CALL, 1, plain, {"x": np.array(["a"])}),
        Message(Kind.CALL, 1, plain, {"x": np.array(["ab"])}),
        Message(Kind.CALL, 1, plain, {"x": five, "y": five}),
        Message(Kind.CALL, 1, plain, {"y": five, "x": five}),
        Message(Kind.CALL, 1, {"handle": None, "credit": 1}, {"x": five}),
        Message(Kind.CALL, 1, {"handle": 0, "credit": 0}, {}),
        Message(Kind.CALL, 1, {"handle": 1, "credit": 0}, {}),
        Message(Kind.CALL, 1, plain, {}),
        Message(Kind.SEAL, 1, {}, {"x": five}),
        Message(Kind.RESULT, 1, {}, {"x": five}),
    ]


def told(message: Message) -> Any:
    tensors = [(name, array.dtype.str, array.shape, array.tolist()) for name, array in message.tensors.items()]
    return message.kind, message.call, dict(message.fields), tensors


def test_messages_that_are_nearly_alike_are_not_taken_for_each_other() -> None:
    sender, receiver = codec(), codec()
    for _ in range(3):
        for message in calls():
            (frame,) = decoded(b"".join(sender.encode(message)))
            assert told(receiver.decode(frame)) == told(message)


def test_the_values_are_those_of_each_call() -> None:
    sender, receiver = codec(), codec()
    for value in range(3):
        message = Message(Kind.CALL, value, {"handle": None, "credit": 0}, {"x": np.full(5, value, np.float32)})
        (frame,) = decoded(b"".join(sender.encode(message)))
        assert told(receiver.decode(frame)) == told(message)


def test_what_is_remembered_is_bounded() -> None:
    sender, receiver = codec(), codec()
    for size in range(2000):
        (frame,) = decoded(b"".join(sender.encode(Message(Kind.RESULT, 1, {}, {"x": np.zeros(size, np.uint8)}))))
        assert receiver.decode(frame).tensors["x"].shape == (size,)
    remembered = [value for one in (sender, receiver) for value in vars(one).values() if isinstance(value, dict)]
    assert remembered
    assert max(map(len, remembered)) <= 256


def test_a_header_that_was_refused_is_refused_again() -> None:
    receiver = codec()
    for _ in range(2):
        with pytest.raises(WireError):
            received(Kind.MORE, {"fields": {}, "tensors": []}, codec=receiver)


def test_the_body_is_checked_for_each_frame_although_its_header_is_known() -> None:
    sender, receiver = codec(), codec()
    message = Message(Kind.RESULT, 1, {}, {"x": np.zeros(5, np.float32)})
    (frame,) = decoded(b"".join(sender.encode(message)))
    receiver.decode(frame)
    kind, sequence, call, header, body = frame
    short = (kind, sequence, call, header, body[:10])
    with pytest.raises(WireError, match="take 20 of its 10 bytes"):
        receiver.decode(short)
