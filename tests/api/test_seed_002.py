"""The code of seed 002, "Loading a model".

Its URL leads into the internet, where no test of ours goes: the model is a local one that takes and gives what the
seed's does. Its ``num_threads`` are options of another runner: this one warns about them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import carton_runtime as carton

FILL_MASK = """
import numpy as np

class Model:
    def infer_with_tensors(self, tensors):
        n = len(tensors["input"])
        return {"scores": np.full((n, 1), 12.977381, np.float32), "tokens": np.array([["day"]] * n)}

def get_model():
    return Model()
"""


@pytest.fixture(scope="module")
def bert_base_uncased(packed: Callable[..., Path]) -> Path:
    return packed(
        FILL_MASK,
        inputs=[
            carton.TensorSpec("input", "string", ["batch"]),
            carton.TensorSpec("max_tokens", "uint32", []),
        ],
        outputs=[
            carton.TensorSpec("scores", "float32", ["batch", None]),
            carton.TensorSpec("tokens", "string", ["batch", None]),
        ],
    )


def test_a_model_is_loaded_and_run_as_in_the_seed(bert_base_uncased: Path) -> None:
    async def main() -> dict[str, np.ndarray]:
        model = await carton.load(str(bert_base_uncased))
        out = await model.infer({"input": np.array(["Today is a good [MASK]."])})
        await model.aclose()
        return out

    with pytest.warns(carton.SpecWarning, match="'max_tokens' is missing"):
        out = asyncio.run(main())
    assert out["scores"].tolist() == [[pytest.approx(12.977381)]]
    assert (out["tokens"].tolist(), out["tokens"].dtype) == ([["day"]], np.dtype("<U3"))


async def test_a_model_is_loaded_with_every_option_of_the_seed(
    bert_base_uncased: Path, python_here: Callable[[str], str]
) -> None:
    python_here("3.10")
    with pytest.warns(UserWarning, match="knows no option 'num_") as warned:
        model = await carton.load(
            bert_base_uncased,
            visible_device="cpu",
            override_runner_opts={
                "num_interop_threads": 4,
                "num_threads": 1,
            },
            override_required_framework_version="=3.10",
        )
    async with model:
        assert model.kernel.python.startswith("3.10.")
        assert model.info.runner.opts["num_threads"] == 1
    assert {warning.filename for warning in warned} == {__file__}


async def test_a_device_may_be_given_by_its_index(bert_base_uncased: Path, recwarn: pytest.WarningsRecorder) -> None:
    async with await carton.load(bert_base_uncased, visible_device="0") as model:
        assert model.info.runner.runner_name == "python"
    has_gpu = not any("CPU" in str(warning.message) for warning in recwarn)
    assert has_gpu == Path("/dev/nvidia0").exists()
