"""What goes into the fields, wherever it comes from, and whether it fits together."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_fronts import Front, RefusedError, Show
from fix_models import Loader, Packed
from PIL import Image

import carton_runtime as carton
from carton_jupyter.panel import examples
from carton_jupyter.panel.uploads import LARGEST

BRIGHTEN = """
def run(tensors):
    return {"out": tensors["picture"]}
"""
SPECS = {
    "inputs": [
        carton.TensorSpec("picture", "uint8", ["h", "w", 3], "an RGB image"),
        carton.TensorSpec("mask", "uint8", ["h", "w"], "a mask"),
        carton.TensorSpec("gain", "float32", []),
        carton.TensorSpec("words", "string", ["n"]),
    ],
    "outputs": [carton.TensorSpec("out", "uint8", ["h", "w", 3], "an RGB image")],
}


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "#0b60c5").save(file, "PNG")
    return file.getvalue()


EXAMPLES = [
    carton.Example({"picture": png(12, 10), "gain": np.float32(2)}, {"out": png(12, 10)}, "small"),
    carton.Example({"gain": np.float32(0.5)}, {}, "half"),
]


@pytest.fixture(scope="module")
def model(module_loaded: Loader) -> carton.Carton:
    return module_loaded.function(BRIGHTEN, examples=EXAMPLES, **SPECS)


@pytest.fixture
def front(model: carton.Carton, show: Show) -> Front:
    return show(model)


def field(front: Front, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(field for field in front.state("inputs")["fields"] if field["name"] == name)
    return found


def upload(front: Front, name: str, file: str, data: bytes, step: int = 1 << 22) -> dict[str, Any]:
    """Upload in parts, several of them on their way at once."""
    numbers = [
        front.post(
            "upload", data[at : at + step], field=name, upload="u1", name=file, mime="", size=len(data), offset=at
        )
        for at in range(0, len(data), step)
    ]
    return [front.answer(number)[0] for number in numbers][-1]


def test_each_input_has_a_field_with_its_editor(front: Front) -> None:
    fields = front.panel.inputs["fields"]
    assert [(field["name"], field["editor"]) for field in fields] == [
        ("picture", "image"), ("mask", "image"), ("gain", "number"), ("words", "texts"),
    ]  # fmt: skip
    assert fields[0]["shape"] == "[h, w, 3]"
    assert all(field["value"] is field["problem"] is None for field in fields)
    assert not front.panel.inputs["can_run"]


def test_typed_edits_do_not_replace_what_is_in_the_editor(front: Front) -> None:
    front.ask("set", field="gain", value="1e-3")
    value = field(front, "gain")["value"]
    assert (value["source"], value["typed"], value["dtype"], value["shape"]) == ("typed", "1e-3", "float32", "scalar")
    assert field(front, "gain")["revision"] == 0


def test_what_is_no_number_is_a_problem_of_its_field_until_it_is_one(front: Front) -> None:
    front.ask("set", field="gain", value="much")
    assert "'gain' wants a number, not 'much'" in field(front, "gain")["problem"]["text"]
    with pytest.raises(RefusedError, match="wants a number"):
        front.ask("run")
    front.ask("set", field="gain", value=3)
    assert field(front, "gain")["problem"] is None


def test_a_field_can_be_emptied(front: Front) -> None:
    front.ask("set", field="gain", value=3)
    front.ask("clear", field="gain")
    assert field(front, "gain")["value"] is None
    front.ask("set", field="gain", value=3)
    front.ask("set", field="gain", value=None)
    assert field(front, "gain")["value"] is None


# Symbols


def test_a_mismatch_is_marked_on_its_axis_at_once(front: Front, namespace: dict[str, Any]) -> None:
    namespace["tall"] = np.zeros((64, 12), np.uint8)
    front.ask("example", index=0)
    assert front.state("inputs")["symbols"] == [{"name": "h", "value": "10"}, {"name": "w", "value": "12"}]
    front.ask("use", field="mask", variable="tall")
    problem = field(front, "mask")["problem"]
    assert problem == {"axis": 0, "text": "has size 64, but 'h' is 10 in input 'picture', axis 0"}
    front.ask("clear", field="mask")
    assert field(front, "mask")["problem"] is None


def test_fields_that_are_all_filled_and_fit_can_run(front: Front, namespace: dict[str, Any]) -> None:
    namespace["mask"] = np.zeros((10, 12), np.uint8)
    front.ask("example", index=0)
    front.ask("use", field="mask", variable="mask")
    assert not front.state("inputs")["can_run"]
    front.ask("set", field="words", value=["a", "b"])
    assert front.state("inputs")["can_run"]
    front.ask("run")
    assert front.state("run")["phase"] == "done"


# Variables


def test_variables_that_could_go_into_a_field_are_listed_what_fits_first(
    front: Front, namespace: dict[str, Any], model: carton.Carton
) -> None:
    namespace.update(
        a=np.zeros(3, np.uint8), z=np.zeros((4, 5), np.uint8), _=np.zeros((4, 5), np.uint8), m=model, s="text",
        flag=True, far=[object()], In=["cells"],
    )  # fmt: skip
    assert front.ask("variables", field="mask")["variables"] == [
        {"name": "z", "text": "uint8 [4, 5]", "fits": True},
        {"name": "a", "text": "uint8 [3]", "fits": False},
        {"name": "s", "text": "string scalar", "fits": False},
    ]


def test_a_variable_that_raises_when_looked_at_hides_no_other(front: Front, namespace: dict[str, Any]) -> None:
    class Odd:
        def __array__(self, *_: object, **__: object) -> None:
            raise RuntimeError("not now")

    namespace.update(odd=[Odd()], pixels=np.ones((2, 2, 3), np.uint8))
    assert [item["name"] for item in front.ask("variables", field="picture")["variables"]] == ["pixels"]


def test_whether_a_variable_fits_depends_on_the_other_fields(front: Front, namespace: dict[str, Any]) -> None:
    namespace["z"] = np.zeros((4, 5), np.uint8)
    front.ask("example", index=0)
    ((found),) = front.ask("variables", field="mask")["variables"]
    assert not found["fits"]


def test_a_variable_is_used_as_it_is_and_not_copied(front: Front, namespace: dict[str, Any]) -> None:
    namespace["picture"] = np.zeros((64, 64, 3), np.uint8)
    front.ask("use", field="picture", variable="picture")
    value = field(front, "picture")["value"]
    assert (value["source"], value["label"], value["typed"]) == ("variable", "variable picture", None)
    assert value["preview"]["kind"] == "image"
    assert field(front, "picture")["revision"] == 1
    assert front.panel._session._fields.entries["picture"].value is namespace["picture"]


def test_a_list_takes_the_dtype_of_its_field(front: Front, namespace: dict[str, Any]) -> None:
    namespace["rows"] = [[1, 2], [3, 4]]
    front.ask("use", field="mask", variable="rows")
    value = field(front, "mask")["value"]
    assert (value["dtype"], value["typed"]) == ("uint8", [[1, 2], [3, 4]])


# Files


def test_a_picture_comes_in_parts(front: Front) -> None:
    front.ask("hello", version=1)
    data = png(64, 48)
    assert upload(front, "picture", "castle.png", data, step=100) == {"received": len(data)}
    value = field(front, "picture")["value"]
    assert (value["source"], value["label"], value["shape"]) == ("file", "castle.png", "[48, 64, 3]")
    key = value["preview"]["blob"]
    (pushed,) = [buffers for content, buffers in front.messages if content.get("blob") == key and "event" in content]
    answer, asked = front.answer(front.post("blob", blob=key))
    assert (answer, asked) == ({"mime": value["preview"]["mime"]}, pushed)


def test_a_large_array_comes_in_parts_through_a_file(front: Front) -> None:
    array = np.arange(3 << 22, dtype=np.uint8).reshape(4096, 3072)
    file = io.BytesIO()
    np.save(file, array)
    upload(front, "mask", "big.npy", file.getvalue())
    assert np.array_equal(front.panel._session._fields.entries["mask"].value, array)


def test_parts_may_come_in_any_order(front: Front) -> None:
    data = png(8, 8)
    part = {"field": "picture", "upload": "u", "name": "x.png", "mime": "", "size": len(data)}
    assert front.ask("upload", data[50:], offset=50, **part) == {"received": len(data) - 50}
    assert front.ask("upload", data[:50], offset=0, **part) == {"received": len(data)}
    assert field(front, "picture")["value"]["label"] == "x.png"


def test_a_file_that_cannot_be_read_says_why_and_changes_nothing(front: Front) -> None:
    with pytest.raises(RefusedError, match=r"An input does not fit: 'notes.doc' is of no kind that can be read"):
        upload(front, "picture", "notes.doc", b"word")
    assert field_or_none(front) is None


def field_or_none(front: Front) -> Any:
    return front.panel._session._fields.entries.get("picture")


def test_a_file_that_is_too_large_is_refused_before_it_comes(front: Front, temporary: Path) -> None:
    with pytest.raises(RefusedError, match="use it as a variable"):
        front.ask(
            "upload", b"x", field="picture", upload="u", name="x.npy", mime="", size=LARGEST + 1, offset=0
        )  # fmt: skip
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("offset", [0, 8])
def test_a_part_that_is_there_already_or_beyond_the_end_is_refused(offset: int, front: Front) -> None:
    part = {"field": "picture", "upload": "u", "name": "x.npy", "mime": "", "size": 10}
    front.ask("upload", b"abc", offset=0, **part)
    with pytest.raises(RefusedError, match=r"no part that 'x.npy' lacks"):
        front.ask("upload", b"abc", offset=offset, **part)


def test_a_file_that_broke_off_gives_way_to_the_next(front: Front) -> None:
    part = {"field": "picture", "name": "x.png", "mime": "", "offset": 0}
    front.ask("upload", b"abc", upload="one", size=9_000_000, **part)
    data = png(8, 8)
    assert front.ask("upload", data, upload="two", size=len(data), **part) == {"received": len(data)}
    assert field(front, "picture")["value"]["label"] == "x.png"


# Examples


def test_an_example_fills_its_fields_and_leaves_the_others(front: Front) -> None:
    front.ask("set", field="words", value=["a"])
    front.ask("example", index=0)
    assert (field(front, "gain")["value"]["typed"], field(front, "gain")["revision"]) == (2, 1)
    assert field(front, "picture")["value"]["label"] == "example small"
    assert field(front, "words")["value"]["typed"] == ["a"]


def test_the_example_that_was_chosen_last_counts_however_long_others_take_to_read(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, later = examples.Examples.inputs, threading.Event()

    async def slow(self: examples.Examples, index: int) -> Any:
        if index == 0:
            await asyncio.to_thread(later.wait)
        return await read(self, index)

    monkeypatch.setattr(examples.Examples, "inputs", slow)
    first = front.post("example", index=0)
    front.ask("example", index=1)
    later.set()
    front.answer(first)
    assert field(front, "gain")["value"]["label"] == "example half"
    assert front.state("outputs")["example"] == "half"


def test_an_example_that_names_an_unknown_input_changes_nothing(loaded: Loader, show: Show) -> None:
    both = {"x": np.ones(1), "y": np.ones(1)}
    out = carton.TensorSpec("out", "float64", ["n"])
    x = carton.TensorSpec("x", "float64", ["n"])
    front = show(loaded.code(inputs=[x], outputs=[out], examples=[carton.Example(both, {}, "both")]))
    with pytest.raises(RefusedError, match="no input 'y'"):
        front.ask("example", index=0)
    assert front.panel.inputs["fields"][0]["value"] is None


def test_what_an_example_says_should_come_out_is_shown_until_its_inputs_change(front: Front) -> None:
    front.ask("example", index=0)
    state = front.state("outputs")
    (expected,) = state["expected"]
    assert (state["example"], expected["which"], expected["kind"]) == ("small", "expected", "image")
    front.ask("set", field="gain", value=1)
    assert (front.state("outputs")["example"], front.state("outputs")["expected"]) == ("", [])


def test_of_very_many_examples_the_first_are_shown_and_the_others_counted(packed: Packed, show: Show) -> None:
    x = carton.TensorSpec("x", "float64", ["n"])
    many = [carton.Example({"x": np.full(1, number)}, {}, f"number {number}") for number in range(101)]
    state = show(packed(inputs=[x], outputs=[x], examples=many)).panel.examples
    assert (len(state["items"]), state["more"]) == (100, "the first 100 of 101 examples")


def test_examples_are_a_gallery_with_pictures_where_there_are_some(front: Front) -> None:
    front.wait(
        lambda: any(item["preview"] for item in front.state("examples")["items"]) if front.states("examples") else False
    )
    small, half = front.state("examples")["items"]
    assert (small["name"], small["has_outputs"], small["preview"]["kind"]) == ("small", True, "image")
    assert (half["name"], half["has_outputs"], half["preview"]) == ("half", False, None)
    assert half["inputs"] == [{"name": "gain", "text": "0.5 float32"}]
    assert small["inputs"] == [{"name": "gain", "text": "2 float32"}]  # the picture speaks for itself
