"""Models that give several results, and both ways to call them."""

from __future__ import annotations

from contextlib import aclosing

import numpy as np
import pytest
from fix_models import FUNCTION, Loader

import carton_runtime as carton

STREAMS = """
import asyncio, os

log = []

def sync_items(n):
    try:
        for i in range(n):
            log.append(f"made {i}")
            yield {"i": i}
    finally:
        log.append("closed")

async def async_items(n):
    try:
        for i in range(n):
            await asyncio.sleep(0)
            yield {"i": i}
    finally:
        log.append("aclosed")

async def later(n):
    return async_items(n)

async def fails_after(n):
    for i in range(n):
        yield {"i": i}
    raise RuntimeError("out of items")

class Iterator:
    def __init__(self, n):
        self.rest = iter(range(n))
    def __aiter__(self):
        return self
    async def __anext__(self):
        for i in self.rest:
            return {"i": i}
        raise StopAsyncIteration
    async def aclose(self):
        log.append("told to close")

MADE = {"sync": sync_items, "async": async_items, "later": later, "fails": fails_after, "iterator": Iterator}

def run(tensors):
    kind, n = str(tensors["kind"]), int(tensors.get("n", 0))
    if kind == "log":
        told = "|".join(log)
        log.clear()
        return {"log": told}
    if kind == "plain":
        return {"i": n}
    if kind == "odd":
        return iter([{"i": 1}, 5])
    return MADE[kind](n)
"""


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    return module_loaded.code(STREAMS + FUNCTION)


async def items(model: carton.Carton, **inputs: object) -> list[int]:
    return [int(item["i"]) async for item in model.streaming_infer(**inputs)]


@pytest.mark.parametrize("kind", ["sync", "async", "later", "iterator"])
async def test_every_kind_of_iterator_streams(model: carton.Carton, kind: str) -> None:
    assert await items(model, kind=kind, n=5) == [0, 1, 2, 3, 4]
    assert await items(model, kind=kind, n=0) == []


async def test_a_stream_longer_than_the_window_arrives_whole(model: carton.Carton) -> None:
    assert await items(model, kind="sync", n=1000) == list(range(1000))


@pytest.mark.parametrize("kind", ["sync", "async", "later", "iterator"])
async def test_infer_gives_the_last_item_of_a_stream(model: carton.Carton, kind: str) -> None:
    assert (await model.infer(kind=kind, n=5))["i"] == 4


async def test_infer_on_an_empty_stream_says_so(model: carton.Carton) -> None:
    with pytest.raises(carton.ModelError, match="streamed no result at all"):
        await model.infer(kind="sync", n=0)


async def test_streaming_a_plain_model_gives_its_one_result(model: carton.Carton) -> None:
    assert await items(model, kind="plain", n=7) == [7]


@pytest.mark.parametrize(
    ("kind", "word"), [("sync", "closed"), ("async", "aclosed"), ("later", "aclosed"), ("iterator", "told to close")]
)
async def test_leaving_a_stream_early_closes_it_in_the_model(model: carton.Carton, kind: str, word: str) -> None:
    await model.infer(kind="log")
    async with aclosing(model.streaming_infer(kind=kind, n=100_000)) as stream:
        async for item in stream:
            if item["i"] == 3:
                break
    log = str((await model.infer(kind="log"))["log"])
    assert log.endswith(word)
    assert log.count("made") < 100, "the model must not run ahead of its caller"
    assert (await model.infer(kind="plain", n=1))["i"] == 1


async def test_a_stream_that_fails_gives_its_items_first(model: carton.Carton) -> None:
    stream = model.streaming_infer(kind="fails", n=3)
    assert [int((await anext(stream))["i"]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(carton.ModelError, match="RuntimeError: out of items"):
        await anext(stream)


async def test_an_item_that_is_no_dict_is_refused(model: carton.Carton) -> None:
    with pytest.raises(carton.ModelError, match="returned a value of type int"):
        await items(model, kind="odd")


async def test_two_streams_and_a_call_may_be_under_way_at_once(model: carton.Carton) -> None:
    async with (
        aclosing(model.streaming_infer(kind="async", n=50)) as first,
        aclosing(model.streaming_infer(kind="sync", n=50)) as second,
    ):
        for expected in range(50):
            assert (await anext(first))["i"] == expected
            assert (await model.infer(kind="plain", n=expected))["i"] == expected
            assert (await anext(second))["i"] == expected


async def test_coroutines_are_awaited_wherever_a_model_has_them(loaded: Loader) -> None:
    source = """
        import asyncio

        class Model:
            async def infer_with_tensors(self, tensors):
                await asyncio.sleep(0)
                self.count = getattr(self, "count", 0) + 1
                return {"out": tensors["x"] + 1, "count": self.count}

        async def get_model():
            await asyncio.sleep(0)
            return Model()
        """
    model = loaded.code(source)
    assert (await model.infer(x=np.array([1, 2])))["out"].tolist() == [2, 3]
    assert (await model.infer(x=1))["count"] == 2
