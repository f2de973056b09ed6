"""The code of seed 000, "Pack a Python model": the import line is the only difference, and the path of the code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fix_models import HOST_VERSION

import carton_runtime as carton

CARTON_ENTRYPOINT = """
class Model:
    def __init__(self):
        pass

    def infer_with_tensors(self, tensors):
        return {
            "out": tensors["x"] * 2
        }

def get_model(an_example_custom_option: bool):
    \"\"\"
    Your entrypoint function can also accept custom options as arguments.
    See below for more details.
    \"\"\"
    return Model()
"""


@pytest.fixture(scope="module")
def path_to_code_dir(code_dir: Callable[..., Path]) -> Path:
    return code_dir({"carton_entrypoint.py": CARTON_ENTRYPOINT, "requirements.txt": ""})


async def test_the_model_is_packed_and_doubles_its_input(
    path_to_code_dir: Path, python_here: Callable[[str], str]
) -> None:
    python_here("3.10")
    packed_model_path = await carton.pack(
        # Path to the code directory from above
        path_to_code_dir,
        # This model runs with the python runner
        runner_name="python",
        # We want to run this model with Python 3.10.
        # The below value means any 3.10.x version is okay.
        required_framework_version="=3.10",
        # Options for the python runner (including entrypoint info) go here
        runner_opts={
            # `carton_entrypoint.py` from above
            "entrypoint_package": "carton_entrypoint",
            # The `get_model` function from above
            "entrypoint_fn": "get_model",
            # A custom option specific to your model. This is passed to your
            # entrypoint function without the `model.` prefix
            "model.an_example_custom_option": False,
        },
    )
    try:
        async with await carton.load(packed_model_path) as model:
            out = await model.infer({"x": np.array([1.5, -2.0])})
            assert out["out"].tolist() == [3.0, -4.0]
            assert model.kernel.python.startswith("3.10.")
    finally:
        packed_model_path.unlink()


async def test_loading_unpacked_is_packing_and_loading(
    path_to_code_dir: Path, python_here: Callable[[str], str]
) -> None:
    python_here("3.10")
    model = await carton.load_unpacked(
        str(path_to_code_dir),
        runner_name="python",
        required_framework_version="=3.10",
        runner_opts={
            "entrypoint_package": "carton_entrypoint",
            "entrypoint_fn": "get_model",
            "model.an_example_custom_option": False,
        },
        visible_device="cpu",
    )
    async with model:
        assert (await model.infer({"x": np.array(2)}))["out"] == 4


async def test_an_entrypoint_may_be_a_module_in_a_package(code_dir: Callable[..., Path]) -> None:
    folder = code_dir({"some/sub/module.py": CARTON_ENTRYPOINT})
    async with await carton.load_unpacked(
        folder,
        runner_name="python",
        required_framework_version=HOST_VERSION,
        runner_opts={
            "entrypoint_package": "some.sub.module",
            "entrypoint_fn": "get_model",
            "model.an_example_custom_option": True,
        },
    ) as model:
        assert (await model.infer(x=3))["out"] == 6
