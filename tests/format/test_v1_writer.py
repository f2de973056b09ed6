from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carton_runtime._child.carton_wire.values import DTYPES
from carton_runtime.errors import FormatError, VersionReqError
from carton_runtime.format import v1
from carton_runtime.format.document import Document, Example, MiscRef, RunnerInfo, SelfTest, TensorRef, TensorSpec

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
OPTIONAL = st.none() | TEXTS
SYMBOLS = TEXTS.filter(lambda text: text != "*")
SHAPES = st.none() | SYMBOLS | st.lists(st.none() | SYMBOLS | st.integers(0, 2**63 - 1), max_size=4).map(tuple)
SPECS = st.builds(TensorSpec, NAMES, st.sampled_from(DTYPES), SHAPES, OPTIONAL, OPTIONAL)
TENSORS = st.builds(TensorRef, NAMES)
FILES = st.builds(MiscRef, st.sampled_from(["a.png", "b/c d=e.wav", "é"]))
OPTIONS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
RANGES = st.sampled_from(["^1.2", "=3.10", "*"])
RUNNERS = st.builds(RunnerInfo, NAMES, RANGES, st.integers(0, 9), st.dictionaries(TEXTS, OPTIONS, max_size=3))
TESTS = st.builds(
    SelfTest,
    st.dictionaries(TEXTS, TENSORS, max_size=2),
    OPTIONAL,
    OPTIONAL,
    st.none() | st.dictionaries(TEXTS, TENSORS, max_size=2),
)
VALUES = st.dictionaries(TEXTS, TENSORS | FILES, max_size=2)
DOCUMENTS = st.builds(
    Document,
    RUNNERS,
    model_name=OPTIONAL,
    short_description=OPTIONAL,
    model_description=OPTIONAL,
    license=OPTIONAL,
    repository=OPTIONAL,
    homepage=OPTIONAL,
    required_platforms=st.sampled_from([(), ("x86_64-unknown-linux-gnu",), ("aarch64-apple-darwin", "wasm32-wasi")]),
    inputs=st.lists(SPECS, max_size=2).map(tuple),
    outputs=st.lists(SPECS, max_size=2).map(tuple),
    self_tests=st.lists(TESTS, max_size=2).map(tuple),
    examples=st.lists(st.builds(Example, VALUES, VALUES, OPTIONAL, OPTIONAL), max_size=2).map(tuple),
)


def document(**opts: object) -> Document:
    return Document(RunnerInfo("python", "^1", 1, opts))


@given(DOCUMENTS)
def test_what_is_written_is_read_back_equal(written: Document) -> None:
    data = v1.serialise(written)
    read = v1.parse(data)
    assert read == written
    assert [type(option) for option in read.runner.opts.values()] == [type(o) for o in written.runner.opts.values()]
    assert v1.serialise(read) == data


def test_the_keys_are_those_of_the_format() -> None:
    full = Document(
        RunnerInfo("python", "1.2", 1, {"model.on": True, "n": 1}),
        model_name="m",
        required_platforms=("x86_64-unknown-linux-gnu",),
        inputs=(TensorSpec("x", "float32", [None, "n", 3], "d", "i"),),
        outputs=(TensorSpec("y", "string", None),),
        self_tests=(SelfTest({"x": TensorRef("a")}, "t", "u", {"y": TensorRef("b")}),),
        examples=(Example({"x": MiscRef("x.png")}, {"y": TensorRef("b")}),),
    )
    assert tomllib.loads(v1.serialise(full).decode()) == {
        "spec_version": 1,
        "model_name": "m",
        "required_platforms": ["x86_64-unknown-linux-gnu"],
        "runner": {
            "runner_name": "python",
            "required_framework_version": "^1.2",
            "runner_compat_version": 1,
            "opts": {"model.on": True, "n": 1},
        },
        "input": [{"name": "x", "dtype": "float32", "shape": ["*", "n", 3], "description": "d", "internal_name": "i"}],
        "output": [{"name": "y", "dtype": "string", "shape": "*"}],
        "self_test": [
            {
                "name": "t",
                "description": "u",
                "inputs": {"x": "@tensor_data/a"},
                "expected_out": {"y": "@tensor_data/b"},
            }
        ],
        "example": [{"inputs": {"x": "@misc/x.png"}, "sample_out": {"y": "@tensor_data/b"}}],
    }


def test_a_boolean_stays_one_and_a_dotted_name_is_one_key() -> None:
    assert b'"model.on" = true\n' in v1.serialise(document(**{"model.on": True}))


def test_a_star_is_any_size() -> None:
    assert TensorSpec("x", "int8", "*") == TensorSpec("x", "int8", None)
    assert TensorSpec("x", "int8", ["*", 2]) == TensorSpec("x", "int8", [None, 2])


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, None, [1], {"a": 1}, b"x", 1j, object()])
def test_an_option_that_the_format_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(FormatError) as caught:
        v1.serialise(document(bad=value))
    assert caught.value.where == "carton.toml: runner.opts.bad"
    assert caught.value.line is None


def test_a_compat_version_must_be_known_by_then() -> None:
    with pytest.raises(FormatError, match=r"runner\.runner_compat_version: is missing"):
        v1.serialise(Document(RunnerInfo("python", "1")))


def test_a_bad_requirement_is_refused() -> None:
    with pytest.raises(VersionReqError, match="required_framework_version"):
        v1.serialise(Document(RunnerInfo("python", "==1", 1)))


@pytest.mark.parametrize(
    "bad",
    [
        Document(RunnerInfo("p", "1", 1), required_platforms=("pdp11",)),
        Document(RunnerInfo("p", "1", 1), model_name="\udc80"),
        Document(RunnerInfo("p", "1", 1), model_name=3),
        Document(RunnerInfo("p", "1", 1), examples=(Example({"x": MiscRef("../x")}, {}),)),
    ],
)
def test_nothing_is_written_that_could_not_be_read(bad: Document) -> None:
    with pytest.raises(FormatError, match=r"carton\.toml"):
        v1.serialise(bad)
