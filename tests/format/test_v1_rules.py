from __future__ import annotations

from dataclasses import replace

import pytest

from carton_runtime.errors import FormatError
from carton_runtime.format import v1
from carton_runtime.format.document import Document, Example, MiscRef, RunnerInfo, SelfTest, TensorRef, TensorSpec

BARE = Document(RunnerInfo("python", "^1", 1))
X, Y = TensorSpec("x", "int8", None), TensorSpec("y", "int8", None)
FULL = replace(
    BARE,
    inputs=(X, Y),
    outputs=(X,),
    self_tests=(SelfTest({"x": TensorRef("a")}, expected_out={"y": TensorRef("b")}), SelfTest({"x": TensorRef("c")})),
    examples=(Example({"x": TensorRef("d"), "p": MiscRef("p.png")}, {"y": TensorRef("e")}),),
)


@pytest.mark.parametrize("document", [BARE, FULL, replace(BARE, short_description="é" * 100)])
def test_a_document_that_keeps_the_rules_can_be_packed(document: Document) -> None:
    v1.check_packable(document)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (replace(BARE, short_description="x" * 101), "carton.toml: short_description"),
        (replace(BARE, inputs=(X,)), "carton.toml: output"),
        (replace(BARE, outputs=(X,)), "carton.toml: input"),
        (replace(BARE, self_tests=FULL.self_tests), "carton.toml: self_test"),
        (replace(BARE, examples=FULL.examples), "carton.toml: example"),
        (replace(FULL, inputs=(X, Y, X)), "carton.toml: input[2].name"),
        (replace(FULL, outputs=(Y, Y)), "carton.toml: output[1].name"),
    ],
)
def test_a_document_that_breaks_a_rule_cannot_be_packed(document: Document, where: str) -> None:
    with pytest.raises(FormatError) as caught:
        v1.check_packable(document)
    assert caught.value.where == where


def test_references_to_stored_tensors_are_found() -> None:
    v1.check_references(FULL, {"a", "b", "c", "d", "e", "unused"})


@pytest.mark.parametrize(
    ("missing", "where"),
    [
        ("a", "carton.toml: self_test[0].inputs.x"),
        ("b", "carton.toml: self_test[0].expected_out.y"),
        ("c", "carton.toml: self_test[1].inputs.x"),
        ("d", "carton.toml: example[0].inputs.x"),
        ("e", "carton.toml: example[0].sample_out.y"),
    ],
)
def test_a_reference_to_a_tensor_that_is_not_stored_is_an_error(missing: str, where: str) -> None:
    with pytest.raises(FormatError) as caught:
        v1.check_references(FULL, set("abcde") - {missing})
    assert caught.value.where == where
