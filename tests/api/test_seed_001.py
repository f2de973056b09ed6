"""The code of seed 001, "Packing Options": every option, with the arguments that the seed shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fix_models import HOST_VERSION

import carton_runtime as carton

# ruff: noqa: C408, PTH123, ASYNC230  as the seed spells it

MODEL_DESCRIPTION = """
Some description of the model that can be as detailed as you want it to be
This can span multiple lines. It can use markdown, but shouldn't use arbitrary HTML
(which will usually be treated as text instead of HTML when this is rendered)
You can use images and links, but the paths must either be complete https
URLs (e.g. https://example.com/image.png) or must reference a file in the misc folder (e.g `@misc/file.png`).
See the `misc_files` section of this document for more details

This model has an interesting architecture:
![Model Architecture](@misc/model_architecture.png)
"""
PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
async def info(double_carton: Path, code_dir: Callable[..., Path], tmp_path: Path) -> carton.CartonInfo:
    """What a carton says that was packed with everything."""
    from carton_runtime import Example, SelfTest, TensorSpec

    path_to_input, path_to_architecture = tmp_path / "input.png", tmp_path / "model_architecture.png"
    path_to_input.write_bytes(PNG + b" input")
    path_to_architecture.write_bytes(PNG)

    input_x = TensorSpec(
        # The name of the input or output
        name="x",
        # The datatype of the tensor.
        dtype="float32",
        # A shape of none means the tensor can be of any shape
        shape=None,
        # Optional
        description="The input image as a NCHW tensor",
    )
    output_out = TensorSpec(name="out", dtype="float32", shape=None)

    st = SelfTest(
        # Optional
        name="a_self_test",
        # Optional
        description="A self test",
        # A dict mapping input tensor names to values
        inputs=dict(x=np.ones(5, dtype=np.float32)),
        # Optional
        expected_out=dict(out=np.ones(5, dtype=np.float32) * 2),
    )

    # Read an input image
    with open(path_to_input, "rb") as f:
        input_image = f.read()
    e = Example(
        # Optional
        name="an_optional_name",
        # Optional
        description="An example for classification of an image",
        # A dict mapping input tensor names to values
        inputs=dict(x=input_image),
        # A dict mapping output tensor names to values
        sample_out=dict(out=np.array(5)),
    )

    with open(path_to_architecture, "rb") as f:
        model_architecture = f.read()

    packed = await carton.pack(
        code_dir(),
        runner_name="python",
        required_framework_version=HOST_VERSION,
        runner_opts={"entrypoint_package": "main", "entrypoint_fn": "get_model"},
        output_path=tmp_path / "model.carton",
        model_name="super_awesome_test_model",
        short_description="A short description that should be less than or equal to 100 characters.",
        model_description=MODEL_DESCRIPTION,
        license="Apache-2.0",
        repository="https://github.com/VivekPanyam/carton",
        homepage="https://carton.run",
        required_platforms=[],
        inputs=[input_x],
        outputs=[output_out],
        self_tests=[st],
        examples=[e],
        misc_files={"model_architecture.png": model_architecture},
    )
    return await carton.get_model_info(packed)


async def test_the_texts_come_back(info: carton.CartonInfo) -> None:
    assert info.model_name == "super_awesome_test_model"
    assert info.short_description == "A short description that should be less than or equal to 100 characters."
    assert info.model_description == MODEL_DESCRIPTION
    assert (info.license, info.repository) == ("Apache-2.0", "https://github.com/VivekPanyam/carton")
    assert info.homepage == "https://carton.run"
    assert info.required_platforms == ()


async def test_the_specs_come_back(info: carton.CartonInfo) -> None:
    assert info.inputs == (carton.TensorSpec("x", "float32", None, "The input image as a NCHW tensor"),)
    assert info.outputs == (carton.TensorSpec(name="out", dtype="float32", shape=None),)


async def test_the_self_test_comes_back(info: carton.CartonInfo) -> None:
    (test,) = info.self_tests
    assert (test.name, test.description) == ("a_self_test", "A self test")
    x, out = await test.inputs["x"].get(), await test.expected_out["out"].get()
    assert (x.dtype, x.tolist(), out.tolist()) == (np.float32, [1.0] * 5, [2.0] * 5)


async def test_the_example_comes_back(info: carton.CartonInfo) -> None:
    (example,) = info.examples
    assert (example.name, example.description) == ("an_optional_name", "An example for classification of an image")
    assert await example.inputs["x"].read() == PNG + b" input"
    assert await example.sample_out["out"].get() == 5


async def test_the_misc_file_comes_back(info: carton.CartonInfo) -> None:
    file = info.misc_files["model_architecture.png"]
    assert await file.read() == PNG
    assert await file.read(4) == PNG[:4]
    assert await file.read(size_bytes=8) == PNG[:8]


@pytest.mark.parametrize(
    "shape", [None, [None, None, None], [2, 3, 512, 512], [], ["batch_size", 3, 512, 512], "input_shape"]
)
async def test_every_shape_of_the_seed_comes_back(
    shape: object, packed: Callable[..., Path], code_dir: Callable[..., Path]
) -> None:
    specs = {"inputs": [carton.TensorSpec("x", "float32", shape)], "outputs": [carton.TensorSpec("out", "int8", shape)]}
    (spec,) = (await carton.get_model_info(packed(**specs))).inputs
    assert spec.shape == (tuple(shape) if isinstance(shape, list) else shape)


async def test_nothing_is_required_but_the_runner(double_carton: Path) -> None:
    info = await carton.get_model_info(double_carton)
    assert info.model_name is None
    assert (info.inputs, info.self_tests, info.examples, dict(info.misc_files)) == ((), (), (), {})
