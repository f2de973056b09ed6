"""What an entrypoint gets, and where its code finds itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from fix_models import Loader

import carton_runtime as carton

TELL = """
class Model:
    def __init__(self, options):
        self.options = options

    def infer_with_tensors(self, tensors):
        return {name: f"{type(value).__name__} {value}" for name, value in self.options.items()}

def get_model(count: int = 0, rate: float = 0.0, text: str = "", flag: bool = True, flags: "bool" = True, plain=None):
    return Model({"count": count, "rate": rate, "text": text, "flag": flag, "flags": flags, "plain": plain})

def takes_all(**options):
    return Model(options)
"""


@pytest.fixture(scope="module")
def tell(packed: Callable[..., Path]) -> Path:
    """A carton whose model tells its options' types and values."""
    return packed(TELL, opts={"model.count": 7, "model.rate": 0.5, "model.text": "é", "model.flag": False})


async def told(model: carton.Carton) -> dict[str, str]:
    return {name: str(value) for name, value in (await model.infer()).items()}


async def test_options_keep_their_types(tell: Path, loaded: Loader) -> None:
    options = await told(loaded(tell))
    assert options["count"] == "int 7"
    assert options["rate"] == "float 0.5"
    assert options["text"] == "str é"
    assert options["flag"] == "bool False"
    assert options["plain"] == "NoneType None"


async def test_overrides_merge_key_by_key(tell: Path, loaded: Loader) -> None:
    options = await told(loaded(tell, override_runner_opts={"model.text": "other", "model.plain": True}))
    assert (options["text"], options["plain"]) == ("str other", "bool True")
    assert (options["count"], options["rate"]) == ("int 7", "float 0.5")


async def test_0_and_1_serve_as_booleans_where_the_parameter_is_one(tell: Path, loaded: Loader) -> None:
    opts = {"model.flag": 1, "model.flags": 0, "model.count": 1, "model.plain": 1}
    options = await told(loaded(tell, override_runner_opts=opts))
    assert (options["flag"], options["flags"]) == ("bool True", "bool False")
    assert (options["count"], options["plain"]) == ("int 1", "int 1")


async def test_a_2_is_no_boolean(tell: Path, loaded: Loader) -> None:
    assert (await told(loaded(tell, override_runner_opts={"model.flag": 2})))["flag"] == "int 2"


async def test_names_of_options_may_hold_anything(tell: Path, loaded: Loader) -> None:
    opts = {"entrypoint_fn": "takes_all", "model.a.b": 1, "model.ü": "x", "model.": 2}
    options = await told(loaded(tell, override_runner_opts=opts))
    assert (options["a.b"], options["ü"], options[""]) == ("int 1", "str x", "int 2")


async def test_integers_of_64_bits_and_odd_floats_arrive(tell: Path, loaded: Loader) -> None:
    opts = {"entrypoint_fn": "takes_all", "model.low": -(2**63), "model.high": 2**63 - 1, "model.inf": float("inf")}
    options = await told(loaded(tell, override_runner_opts=opts))
    assert (options["low"], options["high"]) == (f"int {-(2**63)}", f"int {2**63 - 1}")
    assert options["inf"] == "float inf"


async def test_an_unknown_option_is_warned_about_and_the_model_runs(tell: Path) -> None:
    with pytest.warns(UserWarning, match="knows no option 'nmu_threads'.*start with 'model.'"):
        model = await carton.load(tell, override_runner_opts={"nmu_threads": 1})
    async with model:
        assert (await told(model))["count"] == "int 7"


async def test_a_warning_made_an_error_leaves_no_process(tell: Path) -> None:
    # Here pytest makes errors of warnings.
    before = psutil.Process().children()
    with pytest.raises(UserWarning, match="knows no option 'nmu_threads'") as caught:
        await carton.load(tell, override_runner_opts={"nmu_threads": 1})
    assert psutil.Process().children() == before
    assert caught.tb is not None, "which holds the model, so that no garbage was collected"


async def test_an_option_that_the_entrypoint_does_not_take_is_named(tell: Path) -> None:
    with pytest.raises(carton.ModelError, match=r"get_model\(.*cannot be called with.*'colour'"):
        await carton.load(tell, override_runner_opts={"model.colour": "red"})


async def test_an_absent_gpu_is_warned_about_where_the_model_is_loaded(tell: Path) -> None:
    with pytest.warns(UserWarning, match="no GPU 999 on this machine, so the model runs on the CPU") as warned:
        model = await carton.load(tell, 999)
    await model.aclose()
    assert [warning.filename for warning in warned] == [__file__]


async def test_an_absent_gpu_made_an_error_leaves_no_process(tell: Path) -> None:
    before = psutil.Process().children()
    with pytest.raises(UserWarning, match="no GPU 999") as caught:
        await carton.load(tell, visible_device=999)
    assert psutil.Process().children() == before
    assert caught.tb is not None, "which holds the model, so that no garbage was collected"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"override_required_framework_version": 3.10}, r"override_req.*: must be a string, not 3.1; write it in quot"),
        ({"override_required_framework_version": b"3"}, "override_required_framework_version: must be a string"),
        ({"override_required_framework_version": ""}, "the version requirement is empty"),
        ({"override_runner_name": ""}, "override_runner_name: is empty; name a runner, or leave it out"),
        ({"override_runner_name": 5}, "override_runner_name: must be a string, not 5"),
        ({"override_runner_opts": "text"}, "override_runner_opts: must be a dict, not 'text'"),
        ({"override_runner_opts": {5: 5}}, "override_runner_opts: names must be strings, and 5 is none"),
        ({"restart_policy": 5}, "restart_policy: must be a RestartPolicy, not 5"),
        ({"strict": "no"}, "strict: must be True or False, not 'no'"),
    ],
    ids=repr,
)
async def test_arguments_of_the_wrong_kind_are_named(tell: Path, overrides: dict[str, Any], words: str) -> None:
    with pytest.raises(carton.FormatError, match=words):
        await carton.load(tell, **overrides)
    with pytest.raises(carton.FormatError, match=words):
        await carton.load_unpacked(tell.parent, "python", "*", **overrides)


@pytest.mark.parametrize("value", [[1], None, {"a": 1}, 2**63, object()], ids=repr)
async def test_an_override_that_no_option_can_be_is_refused(tell: Path, value: object) -> None:
    with pytest.raises(carton.FormatError, match=r"override_runner_opts\['model.text'\]"):
        await carton.load(tell, override_runner_opts={"model.text": value})
