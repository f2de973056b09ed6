"""What a front end may ask for is a closed set, checked before anything is done."""

from __future__ import annotations

from typing import Any

import pytest
from fix_fronts import Front, RefusedError, Show
from fix_models import Loader
from traitlets import TraitError

import carton_runtime as carton
from carton_jupyter.panel import requests as ask
from carton_jupyter.panel.requests import LARGEST_CHUNK, MOST_TEXT, MOST_VALUES, RequestError, parse

CHUNK = {"field": "x", "upload": "u", "name": "x.npy", "mime": "", "size": 3, "offset": 0}


@pytest.mark.parametrize(
    ("content", "request_"),
    [
        ({"do": "hello", "version": 1}, ask.Hello(1)),
        ({"do": "set", "field": "x", "value": [[1, 2.5]]}, ask.Set("x", [[1, 2.5]])),
        ({"do": "set", "field": "x", "value": None}, ask.Set("x", None)),
        ({"do": "run"}, ask.Run({})),
        ({"do": "run", "values": {"x": 3}}, ask.Run({"x": 3})),
        ({"do": "code", "run": None}, ask.Code(None)),
        ({"do": "code", "run": 3}, ask.Code(3)),
        ({"do": "stop"}, ask.Stop()),
    ],
)
def test_requests_are_understood(content: dict[str, Any], request_: ask.Request) -> None:
    assert parse({"id": 1, **content}) == request_


def test_an_upload_has_its_bytes() -> None:
    parsed = parse({"id": "a", "do": "upload", **CHUNK}, [memoryview(b"abc")])
    assert isinstance(parsed, ask.Upload)
    assert parsed.data == b"abc"


BAD = {
    "no request": ({}, "there is no request None; there are hello, load, set"),
    "an unknown one": ({"do": "explode"}, "there is no request 'explode'"),
    "a private name": ({"do": "_doing"}, "there is no request"),
    "no name at all": ({"do": ["run"]}, "there is no request"),
    "a field too few": ({"do": "use", "field": "x"}, "request 'use' lacks variable"),
    "a field too many": ({"do": "stop", "now": True}, "request 'stop' has no now"),
    "a wrong kind": ({"do": "example", "index": "0"}, "index of request 'example' cannot be '0'"),
    "a bool for a number": ({"do": "example", "index": True}, "is a number, not True"),
    "a negative number": ({"do": "replay", "run": -1}, "is negative"),
    "values that are no dict": ({"do": "run", "values": [1]}, "values of request 'run' cannot be"),
    "too many values": ({"do": "set", "field": "x", "value": [0] * (MOST_VALUES + 1)}, "too much to type"),
    "too long a text": ({"do": "set", "field": "x", "value": "x" * (MOST_TEXT + 100)}, "too much to type"),
    "a text that is long to show": ({"do": "x" * 1000}, "…"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_none_of_them_is_refused(name: str) -> None:
    content, message = BAD[name]
    with pytest.raises(RequestError) as caught:
        parse({"id": 1, **content})
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_upload_without_its_bytes_or_with_too_many_is_refused() -> None:
    with pytest.raises(RequestError, match="one buffer, not with 0"):
        parse({"do": "upload", **CHUNK})
    with pytest.raises(RequestError, match="at most 4,194,304 bytes, not 4,194,305"):
        parse({"do": "upload", **CHUNK}, [bytes(LARGEST_CHUNK + 1)])


def test_half_of_a_surrogate_pair_is_replaced_since_no_message_could_say_it() -> None:
    typed = parse({"do": "run", "values": {"x": ["a\ud800", {"\udc00": 1}], "y": "\U0001f600"}})
    assert typed == ask.Run({"x": ["a\ufffd", {"\ufffd": 1}], "y": "\U0001f600"})


# At a panel


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    specs = [carton.TensorSpec(name, "float64", ["n"]) for name in ("x", "out")]
    return module_loaded.code(inputs=specs[:1], outputs=specs[1:])


@pytest.fixture
def front(model: carton.Carton, show: Show) -> Front:
    return show(model)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_acknowledged_and_answered_with_an_error(name: str, front: Front) -> None:
    content, message = BAD[name]
    front.tell({"id": "bad", **content})
    ((answer, _),) = [sent for sent in front.messages if sent[0] != {"id": "bad", "ack": True}]
    assert message in answer["error"]["message"]
    assert answer["id"] == "bad"


@pytest.mark.parametrize(
    "content", [None, [], "run", {}, {"do": "run"}, {"id": None, "do": "run"}, {"id": [], "do": "run"}]
)
def test_what_could_not_be_answered_is_dropped(content: Any, front: Front) -> None:
    front.tell(content)
    assert front.messages == []
    assert front.ask("hello", version=1) == {"version": 1}


@pytest.mark.parametrize(
    ("do", "fields", "message"),
    [
        ("set", {"field": "y", "value": 1}, "there is no input 'y'; there are x"),
        ("clear", {"field": "y"}, "there is no input 'y'"),
        ("variables", {"field": "y"}, "there is no input 'y'"),
        ("use", {"field": "x", "variable": "nothing"}, "there is no variable 'nothing'"),
        ("example", {"index": 0}, "there is no example 0; there are 0"),
        ("show", {"output": "out", "which": "actual", "kind": "table"}, "there is no actual output 'out'"),
        ("save", {"output": "out", "which": "other", "format": "npy"}, "there is no other output 'out'"),
        ("blob", {"blob": "1:x"}, "'1:x' is not shown any more"),
        ("load", {}, "the model is loaded already"),
        ("code", {"run": 7}, "run 7 is not kept"),
    ],
)
def test_what_makes_no_sense_now_is_refused(do: str, fields: dict[str, Any], message: str, front: Front) -> None:
    with pytest.raises(RefusedError, match=message):
        front.ask(do, **fields)


def test_a_front_end_cannot_write_what_is_shown(front: Front) -> None:
    before = front.panel.run
    message = {"method": "update", "state": {"run": {"phase": "done"}}, "buffer_paths": []}
    front.line.handle_msg({"content": {"data": message}, "buffers": []})
    assert front.panel.run == before
    with pytest.raises(TraitError, match="read-only"):
        front.panel.run = {}
