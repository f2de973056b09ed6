from __future__ import annotations

import pytest

from carton_runtime.errors import FormatError, VersionReqError
from carton_runtime.format import v1
from carton_runtime.format.document import Document, Example, MiscRef, RunnerInfo, SelfTest, TensorRef, TensorSpec

RUNNER = """
[runner]
runner_name = "python"
required_framework_version = "=3.10"
runner_compat_version = 1
"""

# Laid out as the original writes it
FULL = """\
spec_version = 1
model_name = "m"
short_description = "A model"
model_description = '''
# Title
![x](@misc/x.png)'''
license = "MIT"
repository = "https://example.org/r"
homepage = "https://example.org"
required_platforms = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"]

[[input]]
name = "x"
dtype = "float32"
shape = ["batch", "*", 3]
description = "d"
internal_name = "x:0"

[[input]]
name = "any"
dtype = "string"
shape = "*"

[[output]]
name = "y"
dtype = "uint64"
shape = "batch"

[[output]]
name = "z"
dtype = "int8"
shape = []

[[self_test]]
name = "t"
inputs = { x = "@tensor_data/_tensor_0" }
expected_out = { y = "@tensor_data/_tensor_1" }

[[self_test]]
[self_test.inputs]

[[example]]
name = "e"
description = "f"
[example.inputs]
x = "@tensor_data/_tensor_0"
p = "@misc/_example_misc_file_0"
[example.sample_out]
y = "@misc/a/b.png"
""" + RUNNER + """
[runner.opts]
entrypoint_package = "main"
"model.threads" = 4
fast = true
scale = 0.5
"""  # fmt: skip


def parse(text: str) -> Document:
    return v1.parse(text.encode())


def minimal(extra: str = "", runner: str = RUNNER) -> str:
    return f"spec_version = 1\n{extra}\n{runner}"


def test_everything_that_a_carton_says_is_read() -> None:
    document = parse(FULL)
    assert document.runner == RunnerInfo(
        "python", "=3.10", 1, {"entrypoint_package": "main", "model.threads": 4, "fast": True, "scale": 0.5}
    )
    assert document.runner.opts["fast"] is True
    assert (document.model_name, document.license) == ("m", "MIT")
    assert document.model_description == "# Title\n![x](@misc/x.png)"
    assert document.required_platforms == ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin")
    assert document.inputs == (
        TensorSpec("x", "float32", ("batch", None, 3), "d", "x:0"),
        TensorSpec("any", "string", None),
    )
    assert document.outputs == (TensorSpec("y", "uint64", "batch"), TensorSpec("z", "int8", ()))
    assert document.self_tests == (
        SelfTest({"x": TensorRef("_tensor_0")}, "t", None, {"y": TensorRef("_tensor_1")}),
        SelfTest({}),
    )
    inputs = {"x": TensorRef("_tensor_0"), "p": MiscRef("_example_misc_file_0")}
    assert document.examples == (Example(inputs, {"y": MiscRef("a/b.png")}, "e", "f"),)


def test_little_is_needed() -> None:
    assert parse(minimal()) == Document(RunnerInfo("python", "=3.10", 1))


def test_empty_arrays_are_as_absent_ones() -> None:
    empty = "required_platforms = []\ninput = []\noutput = []\nself_test = []\nexample = []"
    assert parse(minimal(empty)) == parse(minimal())


def test_what_is_unknown_is_ignored() -> None:
    assert parse(minimal("future = 1979-05-27\n[strange.table]\na = [1, 'x']")) == parse(minimal())


def test_what_binds_packing_only_is_read() -> None:
    document = parse(minimal(f"short_description = '{'x' * 200}'\n[[input]]\nname='x'\ndtype='int8'\nshape=[]"))
    assert len(document.short_description or "") == 200
    assert (len(document.inputs), document.outputs) == (1, ())


def test_the_version_requirement_is_made_canonical() -> None:
    runner = RUNNER.replace("=3.10", ">= 1.2,<2")
    assert parse(minimal(runner=runner)).runner.required_framework_version == ">=1.2, <2"


@pytest.mark.parametrize("number", ["0", "2", "-1"])
def test_another_version_of_the_format_is_refused(number: str) -> None:
    with pytest.raises(FormatError, match=rf"spec_version \(line 1\): is {number}; this release reads version 1 only"):
        parse(f"spec_version = {number}")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (RUNNER, "carton.toml: spec_version"),
        ("spec_version = true", "carton.toml: spec_version"),
        ("spec_version = '1'", "carton.toml: spec_version"),
        ("spec_version = 1", "carton.toml: runner"),
        (minimal("model_name = 1"), "carton.toml: model_name"),
        (minimal("required_platforms = 'x86_64'"), "carton.toml: required_platforms"),
        (minimal("required_platforms = ['x86_64', 'z80-zilog']"), "carton.toml: required_platforms[1]"),
        (minimal("required_platforms = ['']"), "carton.toml: required_platforms[0]"),
        (minimal("[[input]]\ndtype='int8'\nshape=[]"), "carton.toml: input[0].name"),
        (minimal("[[output]]\nname='x'\ndtype='float16'\nshape=[]"), "carton.toml: output[0].dtype"),
        (minimal("[[input]]\nname='x'\ndtype='int8'"), "carton.toml: input[0].shape"),
        (minimal("[[input]]\nname='x'\ndtype='int8'\nshape=3"), "carton.toml: input[0].shape"),
        (minimal("[[input]]\nname='x'\ndtype='int8'\nshape=[1, -1]"), "carton.toml: input[0].shape[1]"),
        (minimal("[[input]]\nname='x'\ndtype='int8'\nshape=[true]"), "carton.toml: input[0].shape[0]"),
        (minimal("[[input]]\nname='x'\ndtype='int8'\nshape=[1.0]"), "carton.toml: input[0].shape[0]"),
        (minimal(f"[[input]]\nname='x'\ndtype='int8'\nshape=[{2**63}]"), "carton.toml: input[0].shape[0]"),
        (minimal("[input]"), "carton.toml: input"),
        (minimal("[[self_test]]\ninputs={x='@misc/a'}"), "carton.toml: self_test[0].inputs.x"),
        (minimal("[[self_test]]\ninputs={}\nexpected_out={x='@misc/a'}"), "carton.toml: self_test[0].expected_out.x"),
        (minimal("[[self_test]]\ninputs={x='@tensor_data/'}"), "carton.toml: self_test[0].inputs.x"),
        (minimal("[[self_test]]\ninputs={x='tensor_data/a'}"), "carton.toml: self_test[0].inputs.x"),
        (minimal("[[self_test]]\ninputs={x=1}"), "carton.toml: self_test[0].inputs.x"),
        (minimal("[[example]]\ninputs={}\nsample_out={x='@other/a'}"), "carton.toml: example[0].sample_out.x"),
        (minimal("[[example]]\ninputs={x='@misc/../../etc/passwd'}"), "carton.toml: example[0].inputs.x"),
        (minimal("[[example]]\ninputs={x='@misc//etc/passwd'}"), "carton.toml: example[0].inputs.x"),
        (minimal("[[example]]\ninputs={x='@misc/'}"), "carton.toml: example[0].inputs.x"),
        (minimal(runner="[runner]"), "carton.toml: runner.runner_name"),
        (minimal(runner=RUNNER.replace("runner_compat_version = 1", "")), "carton.toml: runner.runner_compat_version"),
        (minimal(runner=RUNNER + "[runner.opts.nested]"), "carton.toml: runner.opts.nested"),
        (minimal(runner=RUNNER + "[runner.opts]\na = [1]"), "carton.toml: runner.opts.a"),
        (minimal(runner=RUNNER + "[runner.opts]\na = 1979-05-27"), "carton.toml: runner.opts.a"),
        (minimal(runner=RUNNER + f"[runner.opts]\na.b = 1\n'c.d' = {2**63}"), "carton.toml: runner.opts.a"),
        (minimal(runner=RUNNER + f"[runner.opts]\n'c.d' = {2**63}"), 'carton.toml: runner.opts."c.d"'),
    ],
)
def test_what_is_wrong_is_named_by_its_key_path(text: str, where: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(text)
    assert caught.value.where == where


def test_a_requirement_that_cargo_does_not_parse_is_refused() -> None:
    with pytest.raises(VersionReqError) as caught:
        parse(minimal(runner=RUNNER.replace("=3.10", "1 || 2")))
    assert caught.value.where == "carton.toml: runner.required_framework_version"
    assert caught.value.line == 6


def test_an_error_has_the_line_of_its_table() -> None:
    with pytest.raises(FormatError) as caught:
        parse(FULL.replace('dtype = "uint64"', 'dtype = "bool"'))
    assert caught.value.line == FULL.split("\n").index('dtype = "uint64"') + 1


@pytest.mark.parametrize(
    "architecture",
    [
        "x86_64",
        "aarch64",
        "armv7",
        "arm",
        "thumbv7em",
        "i686",
        "riscv64gc",
        "wasm32",
        "powerpc64le",
        "s390x",
        "mips64el",
    ],
)
def test_a_known_architecture_begins_a_platform(architecture: str) -> None:
    triple = f"{architecture}-unknown-linux-gnu"
    assert parse(minimal(f"required_platforms = ['{triple}']")).required_platforms == (triple,)
