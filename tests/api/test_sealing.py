"""`seal` and `infer_with_handle`, in the three combinations of the format's page."""

from __future__ import annotations

import pytest
from fix_models import Loader

import carton_runtime as carton

HEAD = """
class Base:
    def __init__(self):
        self.kept = {}

    def keep(self, tensors):
        self.kept[len(self.kept) + 41] = tensors
        return len(self.kept) + 40

    def taken(self, handle):
        return self.kept.pop(handle)
"""
PLAIN = """
    def infer_with_tensors(self, tensors):
        return {"by": "infer", "out": tensors["x"] + 1}
"""
PAIR = """
    def seal(self, tensors):
        return self.keep(tensors)

    def infer_with_handle(self, handle):
        return {"by": "handle", "out": self.taken(handle)["x"] + 1, "handle": handle}
"""
ASYNC_PAIR = """
    async def seal(self, tensors):
        return self.keep(tensors)

    async def infer_with_handle(self, handle):
        return {"by": "handle", "out": self.taken(handle)["x"] + 1, "handle": handle}
"""


def model_with(*methods: str) -> str:
    return f"{HEAD}\nclass Model(Base):{''.join(methods)}\ndef get_model():\n    return Model()\n"


async def called(model: carton.Carton) -> tuple[str, int, str, int]:
    """How the model was called, and its answer, plainly and by a handle."""
    plain = await model.infer(x=1)
    sealed = await model.infer_with_handle(await model.seal(x=2))
    return str(plain["by"]), int(plain["out"]), str(sealed["by"]), int(sealed["out"])


async def test_with_both_each_call_goes_to_its_own_method(loaded: Loader) -> None:
    assert await called(loaded.code(model_with(PLAIN, PAIR))) == ("infer", 2, "handle", 3)


async def test_with_infer_alone_sealing_just_keeps_the_tensors(loaded: Loader) -> None:
    assert await called(loaded.code(model_with(PLAIN))) == ("infer", 2, "infer", 3)


@pytest.mark.parametrize("pair", [PAIR, ASYNC_PAIR], ids=["plain", "coroutines"])
async def test_with_the_pair_alone_infer_is_built_on_it(loaded: Loader, pair: str) -> None:
    assert await called(loaded.code(model_with(pair))) == ("handle", 2, "handle", 3)


async def test_the_models_own_handle_is_what_it_gets_back(loaded: Loader) -> None:
    model = loaded.code(model_with(PAIR))
    handle = await model.seal(x=1)
    assert handle.number == 41
    assert (await model.infer_with_handle(handle))["handle"] == 41


async def test_several_handles_wait_at_once_and_serve_in_any_order(loaded: Loader) -> None:
    model = loaded.code(model_with(PLAIN))
    handles = [await model.seal({"x": number}) for number in range(5)]
    assert [int((await model.infer_with_handle(handle))["out"]) for handle in reversed(handles)] == [5, 4, 3, 2, 1]


async def test_a_handle_serves_once(loaded: Loader) -> None:
    model = loaded.code(model_with(PLAIN))
    handle = await model.seal(x=1)
    await model.infer_with_handle(handle)
    with pytest.raises(carton.ModelError, match="was used already; a handle serves once"):
        await model.infer_with_handle(handle)


async def test_the_handle_of_another_model_is_refused(loaded: Loader) -> None:
    one, other = loaded.code(model_with(PLAIN)), loaded.code(model_with(PLAIN, PAIR))
    handle = await one.seal(x=1)
    with pytest.raises(carton.InvalidTensorError, match="no handle that `seal` of this model gave"):
        await other.infer_with_handle(handle)
    with pytest.raises(carton.InvalidTensorError, match="1 is no handle"):
        await one.infer_with_handle(1)


async def test_a_seal_that_gives_no_int_is_refused(loaded: Loader) -> None:
    odd = PAIR.replace("return self.keep(tensors)", "return 'h'")
    with pytest.raises(carton.ModelError, match="seal returned 'h'; it must return an int"):
        await loaded.code(model_with(odd)).seal(x=1)


async def test_the_inputs_are_checked_when_they_are_sealed(loaded: Loader) -> None:
    spec = carton.TensorSpec("x", "int64", ["n"])
    model = loaded.code(
        model_with(PLAIN),
        inputs=[spec],
        outputs=[carton.TensorSpec("out", "int64", ["n"]), carton.TensorSpec("by", "string", [])],
    )
    with pytest.raises(carton.InvalidTensorError, match="input 'x' has 0 axes"):
        await model.seal(1)
    handle = await model.seal([1, 2])
    assert (await model.infer_with_handle(handle))["out"].tolist() == [2, 3]
