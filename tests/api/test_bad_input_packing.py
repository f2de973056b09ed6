"""What cannot be packed: each is refused by its option's or file's name, and nothing half-written stays."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_models import DOUBLE, options_for

import carton_runtime as carton
from carton_runtime import Example, FormatError, InvalidTensorError, SelfTest, StorageError, TensorSpec

SPEC = TensorSpec("x", "float32", None)
BOTH: dict[str, Any] = {"inputs": [SPEC], "outputs": [SPEC]}


@pytest.fixture
def folder(code_dir: Callable[..., Path]) -> Path:
    return code_dir(DOUBLE)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "output"
    folder.mkdir()
    return folder / "model.carton"


async def refused(folder: Path, output: Path, error: type[Exception], words: str, **options: Any) -> Exception:
    """The error that packing raises; beside the output there is nothing, and the one from before is as it was."""
    output.write_bytes(b"the one from before")
    with pytest.raises(error, match=words) as caught:
        await carton.pack(folder, output_path=output, **options_for(options))
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    assert output.read_bytes() == b"the one from before"
    with pytest.raises(error, match=words):
        await carton.pack(folder, **options_for(options))  # the leak detector looks for a temporary file
    return caught.value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"short_description": "é" * 101}, "short_description: has 101 characters; at most 100 are allowed"),
        ({"inputs": [SPEC]}, "output: is missing although inputs are given; give both or neither"),
        ({"outputs": [SPEC]}, "input: is missing although outputs are given; give both or neither"),
        ({"inputs": [SPEC, SPEC], "outputs": [SPEC]}, r"input\[1\].name: 'x' is there twice"),
        ({"self_tests": [SelfTest({"x": 1})]}, "self_test: needs the model's inputs and outputs"),
        ({"examples": [Example({"x": 1}, {})]}, "example: needs the model's inputs and outputs"),
        ({"required_platforms": ["x86_64-unknown-linux-gnu", "vax"]}, r"required_platforms\[1\]: 'vax' does not begin"),
        ({"required_platforms": "x86_64-unknown-linux-gnu"}, "required_platforms: must be a list of str"),
        ({"required_framework_version": ""}, "the version requirement is empty"),
        ({"required_framework_version": "3.10 - 3.12"}, "is not a Cargo version requirement; write one like"),
        (
            {"required_framework_version": 3.1},
            "required_framework_version: must be a string, not 3.1; write it in quotes",
        ),
        ({"model_name": 5}, "model_name: must be a string, not 5"),
        ({"license": b"MIT"}, "license: must be a string"),
        ({"model_description": "\ud800"}, "is not valid Unicode"),
        ({"inputs": [{"name": "x"}], "outputs": [SPEC]}, r"inputs\[0\]: must be a TensorSpec, not {'name': 'x'}"),
        ({"inputs": SPEC, "outputs": [SPEC]}, "inputs: must be a list of TensorSpec"),
        ({**BOTH, "self_tests": [{"inputs": {}}]}, r"self_tests\[0\]: must be a SelfTest"),
        ({**BOTH, "self_tests": [SelfTest([1])]}, r"self_tests\[0\].inputs: must be a dict"),
        ({**BOTH, "self_tests": [SelfTest({5: 1})]}, r"self_tests\[0\].inputs: names must be strings, and 5 is none"),
        ({**BOTH, "self_tests": [SelfTest({}, expected_out=[])]}, r"self_tests\[0\].expected_out: must be a dict"),
        ({**BOTH, "examples": [({}, {})]}, r"examples\[0\]: must be an Example"),
        ({**BOTH, "examples": [Example({}, None)]}, r"examples\[0\].sample_out: must be a dict, not None"),
        ({"runner_opts": {"a": [1]}}, r"runner_opts\['a'\]: must be a number, a string or a boolean"),
        ({"runner_opts": {"a": None}}, r"runner_opts\['a'\]: must be a number, a string or a boolean, not None"),
        ({"runner_opts": {"a": 2**63}}, r"runner_opts\['a'\]: must be a whole number of 64 bits"),
        ({"runner_opts": {5: 1}}, "runner_opts: names must be strings, and 5 is none"),
        ({"runner_opts": "text"}, "runner_opts: must be a dict"),
        ({"runner_compat_version": "1"}, "runner_compat_version: must be a whole number"),
        ({"misc_files": {"../a.png": b""}}, r"misc_files: the path '\.\./a\.png' is not normalised"),
        ({"misc_files": {"/a.png": b""}}, "misc_files: the path '/a.png' is absolute"),
        ({"misc_files": {"a\\b": b""}}, "misc_files: the path .* contains a backslash"),
        ({"misc_files": {"": b""}}, "misc_files: the path '' is empty"),
        ({"misc_files": {"_example_misc_file_0": b""}}, "'_example_misc_file_0' is reserved"),
        ({"misc_files": {"a.png": 5}}, r"misc_files\['a.png'\]: must be the file's bytes, or a pathlib.Path"),
        ({"misc_files": {"a.png": "a.png"}}, r"misc_files\['a.png'\]: must be the file's bytes"),
        ({"misc_files": [b""]}, "misc_files: must be a dict"),
        ({"misc_files": {"a/b/c": b"", "a": b""}}, "misc_files: 'a/b/c' lies below 'a', which is a file"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
async def test_options_that_break_the_format(folder: Path, output: Path, options: dict[str, Any], words: str) -> None:
    await refused(folder, output, FormatError, words, **options)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TensorSpec("x", "float16", None), "tensor 'x' has dtype 'float16'; it must be one of float32"),
        (lambda: TensorSpec("x", np.float16, None), "tensor 'x' has dtype <class"),
        (lambda: TensorSpec("x", None, None), "tensor 'x' has dtype None"),
        (lambda: TensorSpec("x", "f4,f4", None), "tensor 'x' has dtype 'f4,f4'"),
        (lambda: TensorSpec("x", "nothing", None), "tensor 'x' has dtype 'nothing'"),
        (lambda: TensorSpec("x", "int8", np.array([1])), "tensor 'x' has shape array.*; it must be a list of sizes"),
        (lambda: TensorSpec("x", "int8", {1: 2}), "tensor 'x' has shape {1: 2}"),
        (lambda: TensorSpec("x", "int8", b"n"), "tensor 'x' has shape b'n'"),
        (lambda: TensorSpec("x", "int8", 5), "tensor 'x' has shape 5"),
        (lambda: TensorSpec("x", "int8", [2**63]), "has 9223372036854775808 for axis 0"),
        (lambda: TensorSpec("x", "int8", [np.int64(-1)]), "for axis 0"),
        (lambda: TensorSpec("x", "int8", [1.5]), r"tensor 'x' has 1.5 for axis 0; a size must be a whole number"),
        (lambda: TensorSpec("x", "int8", [2, True]), "for axis 1"),
        (lambda: TensorSpec("x", "int8", [-1]), "has -1 for axis 0"),
    ],
)
async def test_specs_that_are_none(make: Callable[[], TensorSpec], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        make()


@pytest.mark.parametrize(
    "given", ["float32", "f4", ">f4", np.float32, np.dtype("f4"), np.array([1.0], "f4").dtype], ids=repr
)
def test_specs_take_numpys_dtypes(given: Any) -> None:
    assert TensorSpec("x", given, None) == TensorSpec("x", "float32", None)


@pytest.mark.parametrize("given", [str, np.str_, "<U5", np.array(["a"]).dtype], ids=repr)
def test_specs_take_numpys_strings(given: Any) -> None:
    assert TensorSpec("x", given, None).dtype == "string"


def test_specs_take_numpys_integers_as_sizes() -> None:
    spec = TensorSpec("x", "int8", (np.int32(2), "n", "*", 2**63 - 1))
    assert spec.shape == (2, "n", None, 2**63 - 1)
    assert type(spec.shape[0]) is int


@pytest.mark.parametrize("value", [None, True, np.float16(1), 1j, np.array([1, "a"], object), [[1], [2, 3]]], ids=repr)
async def test_values_of_self_tests_and_examples_that_are_no_tensors(folder: Path, output: Path, value: Any) -> None:
    tests = [SelfTest({"x": value}, name="first")]
    await refused(folder, output, InvalidTensorError, "self test 'first': 'x': ", **BOTH, self_tests=tests)
    examples = [Example({"x": value}, {}, name="first")]
    await refused(folder, output, InvalidTensorError, "example 'first': 'x': ", **BOTH, examples=examples)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model_nam": "x"}, "there is no option 'model_nam'; did you mean 'model_name'?"),
        ({"zzz": 1}, "there is no option 'zzz'"),
    ],
)
async def test_options_that_do_not_exist(folder: Path, output: Path, options: dict[str, Any], words: str) -> None:
    await refused(folder, output, TypeError, words.replace("?", r"\?"), **options)


@pytest.mark.parametrize("place", ["", None, b"model"], ids=repr)
async def test_places_that_are_none(folder: Path, output: Path, place: Any) -> None:
    await refused(place, output, StorageError, "is no place for a model; give a path")
    with pytest.raises(StorageError, match="is no place for a model; give a path"):
        await carton.load_unpacked(place, **options_for({}))


async def test_options_that_are_missing(folder: Path) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'required_framework_version'"):
        await carton.pack(folder, runner_name="python")


async def test_a_runner_that_nobody_has(folder: Path, output: Path) -> None:
    words = "no runner 'rust-bert' for version .*; there is:\n"
    await refused(folder, output, carton.RunnerNotFoundError, words, runner_name="rust-bert")


async def test_a_layout_that_no_runner_reads(folder: Path, output: Path) -> None:
    await refused(folder, output, carton.RunnerNotFoundError, "compat version 1, not 9", runner_compat_version=9)


async def test_a_model_that_is_not_there(tmp_path: Path, output: Path) -> None:
    await refused(tmp_path / "nowhere", output, StorageError, "the model .*nowhere does not exist")


async def test_a_python_model_that_is_a_file(folder: Path, output: Path) -> None:
    await refused(folder / "main.py", output, FormatError, r"packs a folder of code, and .*main\.py is none")


async def test_misc_files_that_cannot_be_read(folder: Path, output: Path, tmp_path: Path) -> None:
    for path, words in ((tmp_path / "gone.png", "No such file or directory"), (tmp_path, "Is a directory")):
        options = {"misc_files": {"a.png": path}}
        await refused(folder, output, StorageError, f"the misc file .* cannot be read: {words}", **options)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        (b"a\nb", FormatError, "contains a backslash, a NUL, a newline"),
        (b"a\\b", FormatError, "contains a backslash, a NUL, a newline"),
        (b"C:x", FormatError, "is absolute"),
        (b"\xff", FormatError, "is not valid UTF-8"),
    ],
)
async def test_names_that_cannot_be_in_a_carton(
    folder: Path, output: Path, name: bytes, error: type[Exception], words: str
) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).touch()
    await refused(folder, output, error, words)


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ({"gone": "nowhere"}, r"the link .*gone leads to nowhere, which is no file"),
        ({"self": "self"}, r"the link .*self leads nowhere: Too many levels of symbolic links"),
        ({"a": "b", "b": "a"}, r"the link .*a leads nowhere: Too many levels of symbolic links"),
        ({"up": "."}, r"the link .*up leads back to a folder that it lies in"),
        ({"null": "/dev/null"}, r"the link .*null leads to /dev/null, which is no file"),
    ],
)
async def test_links_that_cannot_be_followed(folder: Path, output: Path, links: dict[str, str], words: str) -> None:
    for name, target in links.items():
        (folder / name).symlink_to(target)
    await refused(folder, output, StorageError, words)


async def test_a_pipe_in_the_model_is_refused_and_not_waited_for(folder: Path, output: Path) -> None:
    os.mkfifo(folder / "pipe")
    await refused(folder, output, StorageError, "pipe is neither a file nor a folder")


async def test_a_socket_in_the_model_is_refused(folder: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
    await refused(folder, output, StorageError, "socket is neither a file nor a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root; run as another user")
async def test_a_file_that_may_not_be_read(folder: Path, output: Path) -> None:
    (folder / "secret").touch(mode=0)
    await refused(folder, output, StorageError, "secret cannot be packed: Permission denied")


@pytest.mark.parametrize(
    ("requirements", "error", "words"),
    [
        ("no-such-package-of-carton==99\n", carton.EnvironmentBuildError, "no-such-package-of-carton"),
        ("numpy>9000\n", carton.EnvironmentBuildError, "cannot be resolved\n.*numpy>9000"),
        ("]] this is none\n", carton.EnvironmentBuildError, "cannot be resolved\n"),
    ],
)
async def test_requirements_that_do_not_resolve_come_with_uvs_own_words(
    folder: Path, output: Path, requirements: str, error: type[Exception], words: str
) -> None:
    (folder / "requirements.txt").write_text(requirements)
    caught = await refused(folder, output, error, f"(?s){words}")
    assert isinstance(caught, carton.EnvironmentBuildError)
    assert caught.command[0] == "uv"
    assert caught.stderr in str(caught)


async def test_requirements_that_are_no_text(folder: Path, output: Path) -> None:
    (folder / "requirements.txt").write_bytes(b"\xff\xfe")
    await refused(folder, output, StorageError, r"requirements\.txt cannot be read: 'utf-8'")
    (folder / "requirements.txt").unlink()
    (folder / "requirements.txt").mkdir()
    await refused(folder, output, StorageError, r"requirements\.txt cannot be read: .*Is a directory")


async def test_an_output_whose_folder_is_missing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no carton can be written to .*missing: No such file or directory"):
        await carton.pack(folder, output_path=tmp_path / "missing" / "model.carton", **options_for({}))
    assert list(tmp_path.iterdir()) == []


async def test_an_output_below_a_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"no carton can be written to .*file: Not a directory"):
        await carton.pack(folder, output_path=tmp_path / "file" / "model.carton", **options_for({}))


async def test_an_output_that_is_a_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match=r"the carton .*taken cannot be written: .*Is a directory"):
        await carton.pack(folder, output_path=tmp_path / "taken", **options_for({}))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
    assert list((tmp_path / "taken").iterdir()) == []
