"""The cartons that are looked at in a browser: one that changes a picture, one that takes as long as it is told."""

from __future__ import annotations

import io
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import carton_runtime as carton

BRIGHTEN = """
    import numpy as np

    class Brighten:
        def infer_with_tensors(self, tensors):
            picture = tensors["picture"]
            image = np.clip(picture * tensors["gain"], 0, 255).astype(np.uint8)
            return {"image": image, "brightness": image.mean(axis=(0, 2), dtype=np.float32)}

    def get_model():
        return Brighten()
"""

PATIENT = """
    import time
    import numpy as np

    class Patient:
        def infer_with_tensors(self, tensors):
            for step in range(int(tensors["steps"])):
                time.sleep(float(tensors["pause"]))
                yield {"step": np.int64(step)}

    def get_model():
        return Patient()
"""

ABOUT = """
Every value is **multiplied** and kept within 0 … 255.

![A picture as it is, and twice as bright](@misc/both.png)

- `gain` 1 leaves a picture as it is
- `gain` 0 makes it black
"""


def evening(width: int = 160, height: int = 100) -> np.ndarray:
    """A picture: hills before an evening sky. uint8 [height, width, 3]."""
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)[:, None]
    top, bottom = np.array([18, 22, 58.0]), np.array([176, 84, 52.0])
    pixels = top + (bottom - top) * (y**1.6)[..., None] + np.zeros((height, width, 3))
    sun = np.hypot((x - 0.68) * width / height, y - 0.62)
    pixels += np.array([70, 52, 16.0]) * np.exp(-((sun / 0.16) ** 2))[..., None]
    for base, swing, waves, colour in ((0.72, 0.07, 9, (54, 34, 60)), (0.84, 0.05, 14, (28, 20, 42))):
        ridge = base + swing * np.sin(x * waves) + swing / 2 * np.sin(x * waves * 2.7 + 1)
        pixels[y > ridge] = colour
    return pixels.clip(0, 255).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pack_brighten(folder: Path) -> Path:
    """``picture`` uint8 [h, w, 3] and ``gain`` float32 to ``image`` uint8 [h, w, 3] and ``brightness`` float32 [w]."""
    picture = evening()
    return _pack(
        folder / "brighten.carton",
        BRIGHTEN,
        model_name="Brighten",
        short_description="Multiplies a picture by a gain.",
        model_description=ABOUT,
        license="Apache-2.0",
        misc_files={"both.png": png(np.hstack([picture, _times(picture, 2)]))},
        inputs=[
            carton.TensorSpec("picture", "uint8", ["h", "w", 3], "RGB image"),
            carton.TensorSpec("gain", "float32", [], "how many times as bright"),
        ],
        outputs=[
            carton.TensorSpec("image", "uint8", ["h", "w", 3], "RGB image"),
            carton.TensorSpec("brightness", "float32", ["w"], "mean of each column"),
        ],
        examples=[_example("twice", picture, 2.0), _example("half", _times(picture, 2), 0.5)],
        self_tests=[_self_test("as it is", picture, 1.0), _self_test("black", picture, 0.0)],
    )


def pack_patient(folder: Path) -> Path:
    """``steps`` int64 and ``pause`` float32, seconds, to a stream of ``step`` int64."""
    return _pack(
        folder / "patient.carton",
        PATIENT,
        model_name="Patient",
        short_description="Counts, with a pause before each number.",
        inputs=[
            carton.TensorSpec("steps", "int64", [], "how many numbers"),
            carton.TensorSpec("pause", "float32", [], "seconds before each"),
        ],
        outputs=[carton.TensorSpec("step", "int64", [], "a number")],
        examples=[
            carton.Example(name="a minute", inputs={"steps": np.int64(1), "pause": np.float32(60)}, sample_out={}),
            carton.Example(name="a thousand", inputs={"steps": np.int64(1000), "pause": np.float32(0)}, sample_out={}),
        ],
    )


def _pack(output: Path, code: str, **options: Any) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "main.py").write_text(textwrap.dedent(code), encoding="utf-8")
        return carton.sync.pack(
            folder,
            output_path=output,
            runner_name="python",
            required_framework_version=f"=3.{sys.version_info.minor}",
            runner_opts={"entrypoint_package": "main", "entrypoint_fn": "get_model"},
            **options,
        )


def _example(name: str, picture: np.ndarray, gain: float) -> carton.Example:
    inputs = {"picture": picture, "gain": np.float32(gain)}
    return carton.Example(name=name, inputs=inputs, sample_out={"image": _times(picture, gain)})


def _self_test(name: str, picture: np.ndarray, gain: float) -> carton.SelfTest:
    expected: Mapping[str, Any] = {"image": _times(picture, gain)}
    return carton.SelfTest(name=name, inputs={"picture": picture, "gain": np.float32(gain)}, expected_out=expected)


def _times(picture: np.ndarray, gain: float) -> np.ndarray:
    return (picture * np.float32(gain)).clip(0, 255).astype(np.uint8)
