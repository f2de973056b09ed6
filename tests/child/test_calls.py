"""Calls of a runner kernel: what models return, streams, sealed inputs, and what they print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from child.conftest import Child
from child.tools import assert_same

from carton_runtime import NestedTensor
from carton_runtime._child.carton_wire.messages import CANCELLED, Kind, Message

Make = Callable[[str], Path]
FIVE = np.arange(5, dtype=np.float32)

RETURNS = {
    "a dict": "def infer(self, t): return t",
    "a coroutine": "async def infer(self, t):\n    await asyncio.sleep(0)\n    return t",
    "a generator": "def infer(self, t):\n    yield {}\n    yield t",
    "an async generator": "async def infer(self, t):\n    yield {}\n    await asyncio.sleep(0)\n    yield t",
    "an iterator": "def infer(self, t): return iter([{}, t])",
    "a coroutine of an iterator": "async def infer(self, t): return iter([{}, t])",
    "a bare async iterator": """
        def infer(self, t):
            class Items:
                left = [{}, t]
                def __aiter__(self): return self
                async def __anext__(self):
                    if not self.left: raise StopAsyncIteration
                    return self.left.pop(0)
            return Items()
    """,
}
STREAMS = [name for name in RETURNS if "iterator" in name or "generator" in name]


@pytest.mark.parametrize("returns", RETURNS)
def test_a_model_may_return(child: Child, model: Make, returns: str) -> None:
    child.loaded(model(RETURNS[returns]))
    reply = child.call(x=FIVE)
    assert reply.kind is Kind.RESULT
    assert_same(reply.tensors["x"], FIVE)


@pytest.mark.parametrize("returns", STREAMS)
def test_a_model_may_stream(child: Child, model: Make, returns: str) -> None:
    child.loaded(model(RETURNS[returns]))
    child.start_call(credit=10, x=FIVE)
    first, second, end = (child.receive() for _ in range(3))
    assert (first.kind, first.tensors) == (Kind.ITEM, {})
    assert second.kind is Kind.ITEM
    assert_same(second.tensors["x"], FIVE)
    assert end.kind is Kind.DONE


def test_a_model_that_does_not_stream_streams_one_item(child: Child, model: Make) -> None:
    child.loaded(model(RETURNS["a dict"]))
    child.start_call(credit=10, x=FIVE)
    assert [child.receive().kind for _ in range(2)] == [Kind.ITEM, Kind.DONE]


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("3", "int64"),
        ("2.5", "float64"),
        ("'text'", "<U4"),
        ("[1, 2]", "int64"),
        ("np.float32(1)", "float32"),
        ("np.arange(6).reshape(2, 3).T", "int64"),
        ("np.arange(3).astype('>i2')", "int16"),
        ("np.array(['a', 'bc'], object)", "<U2"),
    ],
)
def test_what_becomes_a_tensor_is_made_one(child: Child, model: Make, value: str, type_: str) -> None:
    child.loaded(model(f"def infer(self, t): return {{'y': {value}}}"))
    assert child.call().tensors["y"].dtype == np.dtype(type_)


def test_nested_tensors_go_in_and_out(child: Child, model: Make) -> None:
    child.loaded(model(RETURNS["a dict"]))
    nested = NestedTensor([["a"], ["bc", "😀"]])
    assert_same(child.call(x=nested).tensors["x"], nested)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("None", "the model returned None; it must return a dict of arrays by name"),
        ("[1]", "the model returned a value of type list; it must"),
        ("np.zeros(3)", "the model returned a value of type ndarray; it must"),
        ("{1: 2}", "the model returned an output named 1; names must be strings"),
        ("{'y': None}", "the model's output 'y': NoneType is not a tensor"),
        ("{'y': True}", "the model's output 'y': dtype bool is not supported; convert it to one of"),
        ("{'y': [[1], [1, 2]]}", "the model's output 'y': the list does not have one shape; use NestedTensor"),
        ("{'y': b'x'}", "the model's output 'y': bytes is not a tensor"),
        ("{'y': np.frombuffer(b'\\xff' * 4, 'U1')}", "the model's output 'y': the strings hold what is no character"),
        ("iter([])", "the model streamed no result at all"),
        ("iter([1])", "the model returned a value of type int"),
    ],
)
def test_what_no_model_may_return_fails_with_what_it_must(child: Child, model: Make, value: str, message: str) -> None:
    child.loaded(model(f"def infer(self, t): return {value}"))
    failed = child.call()
    assert failed.kind is Kind.FAILED
    assert failed.fields["message"].startswith(message)
    assert (failed.fields["type"], failed.fields["traceback"]) == ("", "")


@pytest.mark.parametrize("credit", [0, 1])
def test_what_the_wire_does_not_carry_fails_and_the_model_goes_on(child: Child, model: Make, credit: int) -> None:
    child.loaded(model("def infer(self, t): return {'y': np.zeros(0, t['dtype'].item())}"))
    for dtype, kind in (("U10000000", Kind.FAILED), ("U9999999", Kind.ITEM if credit else Kind.RESULT)):
        child.start_call(credit, dtype=np.array(dtype))
        reply = child.expect(kind)
    assert reply.tensors["y"].shape == (0,)


# Streams

COUNTS = """
    def infer(self, t):
        for number in range(int(t["n"])):
            yield {"number": number}
"""
CLEANS_UP = """
    {async_}def infer(self, t):
        try:
            while True:
                yield {{"number": 1}}
        finally:
            {await_}
            with open(str(t["path"]), "w") as file:
                file.write("cleaned up")
"""


def numbers(child: Child, count: int) -> list[Any]:
    return [told(child.receive()) for _ in range(count)]


def told(message: Message) -> Any:
    return int(message.tensors["number"]) if message.kind is Kind.ITEM else message.kind


def nothing_was_sent(child: Child) -> bool:
    """Whether the next thing to come is the answer to what is asked now."""
    return child.seal().kind is Kind.SEALED


def test_a_stream_sends_what_there_is_credit_for(child: Child, model: Make) -> None:
    child.loaded(model(COUNTS))
    call = child.start_call(credit=2, n=np.int64(5))
    assert numbers(child, 2) == [0, 1]
    assert nothing_was_sent(child)
    child.send(Kind.MORE, call, credit=1)
    assert numbers(child, 1) == [2]
    assert nothing_was_sent(child)
    child.send(Kind.MORE, call, credit=9)
    assert numbers(child, 3) == [3, 4, Kind.DONE]


def test_a_stream_with_exactly_enough_credit_ends_with_the_next(child: Child, model: Make) -> None:
    child.loaded(model(COUNTS))
    call = child.start_call(credit=2, n=np.int64(2))
    assert numbers(child, 2) == [0, 1]
    child.send(Kind.MORE, call, credit=1)
    assert numbers(child, 1) == [Kind.DONE]


def test_credit_for_a_stream_that_has_ended_is_no_matter(child: Child, model: Make) -> None:
    child.loaded(model(COUNTS))
    call = child.start_call(credit=9, n=np.int64(1))
    assert numbers(child, 2) == [0, Kind.DONE]
    child.send(Kind.MORE, call, credit=5)
    assert nothing_was_sent(child)


def test_streams_do_not_hold_each_other_up(child: Child, model: Make) -> None:
    child.loaded(model(COUNTS))
    first = child.start_call(credit=1, n=np.int64(2))
    second = child.start_call(credit=9, n=np.int64(2))
    assert [child.receive().call for _ in range(4)] == [first, second, second, second]
    child.send(Kind.MORE, first, credit=9)
    assert numbers(child, 2) == [1, Kind.DONE]


def test_a_stream_that_raises_sends_what_came_before(child: Child, model: Make) -> None:
    child.loaded(model('def infer(self, t):\n    yield {"number": 1}\n    raise ValueError("then")'))
    child.start_call(credit=9)
    assert numbers(child, 1) == [1]
    assert child.expect(Kind.FAILED).fields["message"] == "then"


@pytest.mark.parametrize("kind", ["a generator", "an async generator"])
def test_cancelling_closes_the_stream(child: Child, model: Make, tmp_path: Path, kind: str) -> None:
    is_async = "async" in kind
    source = CLEANS_UP.format(async_="async " * is_async, await_="await asyncio.sleep(0)" if is_async else "pass")
    child.loaded(model(source))
    path = tmp_path / "cleaned-up"
    call = child.start_call(credit=1, path=np.array(str(path)))
    assert numbers(child, 1) == [1]
    assert not path.exists()
    child.send(Kind.CANCEL, call)
    assert child.expect(Kind.DONE).call == call
    assert path.read_text() == "cleaned up"


def test_every_cancel_is_answered_also_of_a_call_that_never_came(child: Child, model: Make) -> None:
    child.loaded(model(RETURNS["a dict"]))
    child.send(Kind.CANCEL, 77)
    reply = child.expect(Kind.FAILED)
    assert (reply.call, reply.fields["type"]) == (77, CANCELLED)
    assert child.call(x=FIVE).kind is Kind.RESULT


def test_streams_are_closed_at_the_end(child: Child, model: Make, tmp_path: Path) -> None:
    child.loaded(model(CLEANS_UP.format(async_="", await_="pass")))
    path = tmp_path / "cleaned-up"
    child.start_call(credit=1, path=np.array(str(path)))
    assert numbers(child, 1) == [1]
    child.send(Kind.CLOSE)
    assert child.exit_code() == 0
    assert path.read_text() == "cleaned up"


# Sealed inputs


def test_sealed_inputs_serve_once(child: Child, model: Make) -> None:
    child.loaded(model(RETURNS["a dict"]))
    handle = child.seal(x=FIVE).fields["handle"]
    child.start_call(handle=handle)
    assert_same(child.expect(Kind.RESULT).tensors["x"], FIVE)
    child.start_call(handle=handle)
    assert f"handle {handle} was never sealed here, or was used already" in child.expect(Kind.FAILED).fields["message"]


def test_handles_are_not_mixed_up(child: Child, model: Make) -> None:
    child.loaded(model(RETURNS["a dict"]))
    handles = [child.seal(x=np.int64(number)).fields["handle"] for number in range(3)]
    for number, handle in reversed(list(enumerate(handles))):
        child.start_call(handle=handle)
        assert child.expect(Kind.RESULT).tensors["x"] == number


SEALS = """
    def infer(self, t): raise AssertionError("not this one")
    {async_}def seal(self, t):
        self.kept = t
        return {handle}
    def infer_with_handle(self, handle): return {{**self.kept, "handle": handle}}
"""


@pytest.mark.parametrize("async_", ["", "async "])
def test_a_model_may_seal_itself(child: Child, model: Make, async_: str) -> None:
    child.loaded(model(SEALS.format(async_=async_, handle="41")))
    assert child.seal(x=FIVE).fields["handle"] == 41
    child.start_call(handle=41)
    reply = child.expect(Kind.RESULT)
    assert_same(reply.tensors["x"], FIVE)
    assert reply.tensors["handle"] == 41


@pytest.mark.parametrize("handle", ["None", "'41'", "True"])
def test_a_handle_that_is_no_number_fails(child: Child, model: Make, handle: str) -> None:
    child.loaded(model(SEALS.format(async_="", handle=handle)))
    assert "it must return an int" in child.seal(x=FIVE).fields["message"]


# What models print


def test_a_flood_on_stdout_does_not_disturb_the_wire(child: Child, model: Make) -> None:
    child.loaded(
        model("""
        def infer(self, t):
            for number in range(20000):
                print("CTN2", "x" * 80)
            os.write(1, b"CTN2" + bytes(100))
            os.write(2, b"CTN2" + bytes(100))
            return t
    """)
    )
    for _ in range(3):
        assert_same(child.call(x=FIVE).tensors["x"], FIVE)
    child.send(Kind.CLOSE)
    assert child.text.count("x" * 80) == 60_000


@pytest.mark.parametrize("code", ["sys.stdout.close()", "sys.stdout = None", "os.close(1)", "sys.stdout = object()"])
def test_a_model_may_do_away_with_its_output(child: Child, model: Make, code: str) -> None:
    child.loaded(model(f"def infer(self, t):\n    {code}\n    return t"))
    assert_same(child.call(x=FIVE).tensors["x"], FIVE)


def test_what_is_printed_is_text_in_any_locale(child: Child, model: Make) -> None:
    child.loaded(model('def infer(self, t):\n    print("é 😀 \\ud800")\n    return t'))
    child.call()
    child.send(Kind.CLOSE)
    assert child.text == "é 😀 \\ud800\n"
