"""Copy as code: what is copied runs, and does the same."""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_fronts import Front, Show
from fix_models import Loader, Packed
from PIL import Image

import carton_runtime as carton

ADD = """
def run(tensors):
    return {"sum": tensors["x"] + float(tensors["picture"].sum()), "words": tensors["words"]}
"""
SPECS = {
    "inputs": [
        carton.TensorSpec("x", "float64", ["n"]),
        carton.TensorSpec("picture", "uint8", ["h", "w", 3], "an RGB image"),
        carton.TensorSpec("words", "string", ["k"]),
    ],
    "outputs": [carton.TensorSpec("sum", "float64", ["n"]), carton.TensorSpec("words", "string", ["k"])],
}


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), "#0b60c5").save(file, "PNG")
    return file.getvalue()


EXAMPLE = carton.Example({"x": np.arange(2.0), "picture": png(), "words": np.array(["a", "b"])}, {}, "one")


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    return module_loaded.function(ADD, examples=[EXAMPLE], **SPECS)


@pytest.fixture
def front(model: carton.Carton, show: Show) -> Front:
    return show(model)


def execute(code: str, variables: dict[str, Any]) -> Any:
    """Run code as a cell, top-level await included; gives ``outputs``."""
    compiled = compile(code, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, variables)  # noqa: S307  running it is the test
    if inspect.iscoroutine(result):
        asyncio.run(result)
    return variables["outputs"]


def same(outputs: Any, result: Any) -> bool:
    return outputs.keys() == result.keys() and all(np.array_equal(outputs[key], result[key]) for key in result)


def test_a_variable_of_the_notebook_is_named_and_typed_values_are_written(
    front: Front, namespace: dict[str, Any], model: carton.Carton
) -> None:
    namespace.update(m=model, pixels=np.ones((2, 2, 3), np.uint8))
    front.ask("use", field="picture", variable="pixels")
    front.ask("run", values={"x": [1.5, "nan"], "words": ["it's", "b"]})
    code = front.ask("code", run=1)["code"]
    assert code == (
        "import numpy as np\n\n"
        "outputs = await m.infer({\n"
        "    'x': np.array([1.5, float('nan')], 'float64'),\n"
        "    'picture': pixels,\n"
        "    'words': [\"it's\", 'b'],\n"
        "})\n"
    )
    outputs = execute(code, namespace)
    assert list(outputs["words"]) == ["it's", "b"]
    assert np.array_equal(outputs["sum"], [13.5, np.nan], equal_nan=True)


def test_what_a_blocking_model_was_asked_needs_no_await(
    show: Show, namespace: dict[str, Any], model: carton.Carton
) -> None:
    namespace["m"] = carton.sync.Carton(model)
    front = show(namespace["m"])
    front.ask("example", index=0)
    front.ask("run")
    code = front.ask("code", run=1)["code"]
    assert "await" not in code
    assert same(execute(code, namespace), front.panel.result)


def test_examples_are_read_from_the_carton(front: Front, namespace: dict[str, Any], model: carton.Carton) -> None:
    namespace["m"] = model
    front.ask("example", index=0)
    front.ask("run")
    code = front.ask("code", run=None)["code"]
    assert "await m.info.examples[0].inputs['x'].get()" in code
    assert same(execute(code, namespace), front.panel.result)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the notebook runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_are_read_from_beside_the_notebook(
    front: Front, namespace: dict[str, Any], model: carton.Carton, folder: Path
) -> None:
    namespace["m"] = model
    data = png()
    (folder / "castle.png").write_bytes(data)
    part = {"field": "picture", "upload": "u", "name": "castle.png", "mime": "", "size": len(data), "offset": 0}
    front.ask("upload", data, **part)
    front.ask("run", values={"x": [1.0], "words": ["a"]})
    code = front.ask("code", run=1)["code"]
    assert "Path('castle.png').read_bytes()" in code
    assert same(execute(code, namespace), front.panel.result)


def test_what_a_cell_gave_under_no_name_is_written_out(
    front: Front, namespace: dict[str, Any], model: carton.Carton
) -> None:
    namespace.update(m=model, x="another thing", pixels=np.ones((2, 2, 3), np.uint8))
    given = {"x": [1.5, 2.5], "picture": namespace["pixels"], "words": np.empty(0, "<U1")}
    asyncio.run(front.panel.infer(given))
    code = front.ask("code", run=1)["code"]
    assert "'x': np.array([1.5, 2.5], 'float64')" in code
    assert "'picture': pixels" in code
    assert same(execute(code, namespace), front.panel.result)


def test_what_is_too_large_to_write_out_and_has_no_name_is_asked_for(
    front: Front, namespace: dict[str, Any], model: carton.Carton
) -> None:
    namespace.update(m=model, x="another thing")
    asyncio.run(front.panel.infer(x=np.zeros(1000), picture=np.ones((2, 2, 3), np.uint8), words=["a"]))
    code = front.ask("code", run=1)["code"]
    assert "# Put float64 [1000] in place of ..., which a cell gave for 'x'." in code
    with pytest.raises(carton.InvalidTensorError, match="'x'"):
        execute(code, namespace)


def test_a_model_without_a_variable_is_loaded_from_where_it_came(packed: Packed, show: Show) -> None:
    path = packed(
        inputs=[carton.TensorSpec("x", "float64", ["n"])], outputs=[carton.TensorSpec("out", "float64", ["n"])]
    )
    front = show(path)
    front.ask("load")
    front.ask("run", values={"x": [1.0, 2.0]})
    code = front.ask("code", run=1)["code"]
    assert f"model = await carton.load({str(path)!r})" in code
    assert "#" not in code
    variables: dict[str, Any] = {}
    assert same(execute(f"{code}\nawait model.aclose()", variables), front.panel.result)


def test_a_path_is_no_address_and_written_as_it_is(front: Front, model: carton.Carton) -> None:
    front.panel._session.subject.info = carton.CartonInfo(runner=model.info.runner, location="/models/what?.carton")
    assert "carton.load('/models/what?.carton')" in front.ask("code", run=None)["code"]


def test_a_replayed_run_is_written_as_the_first_one_was(front: Front, namespace: dict[str, Any]) -> None:
    front.ask("example", index=0)
    front.ask("run")
    front.ask("replay", run=1)
    assert front.ask("code", run=2) == front.ask("code", run=1)


def test_a_password_in_a_url_is_not_copied(front: Front, model: carton.Carton, monkeypatch: pytest.MonkeyPatch) -> None:
    front.panel._session.subject.info = carton.CartonInfo(
        runner=model.info.runner, location="https://user:secret@example.com/x.carton?token=abc"
    )
    code = front.ask("code", run=None)["code"]
    assert "# The address is written without user, password and query: add what of them it needs.\nmodel = " in code
    assert "secret" not in code
    assert "abc" not in code
