"""What we write is read back equal by a reader that shares no code with us: zipfile, tomllib, hashlib and numpy."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_zips import files_of, zipfile

import carton_runtime as carton
from carton_runtime import Example, NestedTensor, SelfTest, TensorSpec

DTYPES = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
TENSORS = {
    **{dtype: np.array([[0, 1], [2, 100]], dtype) for dtype in DTYPES},
    "big": np.arange(6, dtype=">i4").reshape(2, 3),
    "strided": np.arange(24.0).reshape(4, 6)[::2, ::-2],
    "scalar": np.array(0.5),
    "empty": np.empty((0, 3), np.float32),
    "text": np.array([["é", 'quote " \\ \n'], ["", "日本 🎉"]]),
    "one text": np.array("scalar"),
    "ragged": NestedTensor([np.arange(2), np.arange(3)]),
    "ragged text": NestedTensor([["a"], ["b", "cc"]]),
}
SPECS = {
    "inputs": [
        TensorSpec("image", "float32", ["batch", None, 3, "*"], "a picture"),
        TensorSpec("any", "string", None),
        TensorSpec("whole", "int8", "shape"),
        TensorSpec("scalar", "uint64", []),
    ],
    "outputs": [TensorSpec("out", "float64", ["batch"])],
}
TEXTS = {
    "model_name": 'name with "quotes" and \\',
    "short_description": "ü" * 100,
    "model_description": "# Title\n\n![x](@misc/pictures/a.png)\n\ttab \x7f\n",
    "license": "Apache-2.0",
    "repository": "https://example.org/repository",
    "homepage": "https://example.org/home",
}
OPTIONS = {"int": -(2**63), "float": 0.1, "text": "ü", "yes": True, "no": False, "model.a.b": 1, "ü": "x"}


@pytest.fixture(scope="module")
def files(code_dir: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The entries of a carton that has everything."""
    path = carton.sync.pack(
        code_dir({"main.py": "code", "weights.bin": bytes(range(256)) * 40_000, "deep/empty": ""}),
        output_path=tmp_path_factory.mktemp("packed") / "all.carton",
        runner_name="noop",
        required_framework_version=">= 1, < 2",
        runner_opts=OPTIONS,
        required_platforms=["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"],
        self_tests=[SelfTest(TENSORS, "all", "every kind", {"out": np.array([1.0])}), SelfTest({})],
        examples=[Example({"image": b"\x89PNG", "any": "text"}, {"out": np.array(5.0)}, "shown")],
        misc_files={"pictures/a.png": b"png", "b.mp3": b""},
        **SPECS,
        **TEXTS,
    )
    return files_of(path)


@pytest.fixture(scope="module")
def toml(files: dict[str, bytes]) -> dict[str, Any]:
    return tomllib.loads(files["carton.toml"].decode())


def test_the_manifest_lists_every_file_with_its_hash_in_byte_order(files: dict[str, bytes]) -> None:
    lines = files["MANIFEST"].decode().split("\n")
    assert lines.pop() == "", "a newline at the end of each"
    assert lines == sorted(lines, key=str.encode)
    listed = {path: sha256 for path, _, sha256 in (line.rpartition("=") for line in lines)}
    assert listed == {path: hashlib.sha256(data).hexdigest() for path, data in files.items() if path != "MANIFEST"}


def test_the_files_of_the_model_are_untouched(files: dict[str, bytes]) -> None:
    model = {path.removeprefix("model/"): data for path, data in files.items() if path.startswith("model/")}
    assert model == {"main.py": b"code", "weights.bin": bytes(range(256)) * 40_000, "deep/empty": b""}


def test_the_texts_and_the_runner_are_spelt_as_the_format_says(toml: dict[str, Any]) -> None:
    assert toml["spec_version"] == 1
    assert {name: toml[name] for name in TEXTS} == TEXTS
    assert toml["required_platforms"] == ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin"]
    assert toml["runner"] == {
        "runner_name": "noop",
        "required_framework_version": ">=1, <2",
        "runner_compat_version": 1,
        "opts": OPTIONS,
    }
    assert {name: type(value) for name, value in toml["runner"]["opts"].items()}["yes"] is bool


def test_the_specs_are_spelt_as_the_format_says(toml: dict[str, Any]) -> None:
    assert toml["input"] == [
        {"name": "image", "dtype": "float32", "shape": ["batch", "*", 3, "*"], "description": "a picture"},
        {"name": "any", "dtype": "string", "shape": "*"},
        {"name": "whole", "dtype": "int8", "shape": "shape"},
        {"name": "scalar", "dtype": "uint64", "shape": []},
    ]
    assert toml["output"] == [{"name": "out", "dtype": "float64", "shape": ["batch"]}]


def read_tensor(files: dict[str, bytes], reference: str) -> Any:
    """A stored tensor by the rules of the format; a list of them for a nested one."""
    prefix, _, name = reference.partition("/")
    assert prefix == "@tensor_data"
    index = {entry["name"]: entry for entry in tomllib.loads(files["tensor_data/index.toml"].decode())["tensor"]}
    entry = index[name]
    if entry["dtype"] == "nested":
        return [read_tensor(files, f"@tensor_data/{inner}") for inner in entry["inner"]]
    assert entry["inner"] == []
    data = files[f"tensor_data/{entry['file']}"]
    if entry["dtype"] == "string":
        return np.array(tomllib.loads(data.decode())["data"]).reshape(entry["shape"])
    return np.frombuffer(data, np.dtype(entry["dtype"]).newbyteorder("<")).reshape(entry["shape"])


@pytest.mark.parametrize("name", TENSORS)
def test_each_tensor_of_a_self_test_is_stored_in_a_file_of_its_own(
    files: dict[str, bytes], toml: dict[str, Any], name: str
) -> None:
    found, given = read_tensor(files, toml["self_test"][0]["inputs"][name]), TENSORS[name]
    if isinstance(given, NestedTensor):
        assert [array.tolist() for array in found] == given.tolist()
        return
    assert found.dtype.kind == given.dtype.kind
    assert found.dtype.itemsize == given.dtype.itemsize or given.dtype.kind == "U"
    np.testing.assert_array_equal(found, given)


def test_self_tests_and_examples_are_spelt_as_the_format_says(files: dict[str, bytes], toml: dict[str, Any]) -> None:
    everything, nothing = toml["self_test"]
    assert (everything["name"], everything["description"]) == ("all", "every kind")
    assert read_tensor(files, everything["expected_out"]["out"]).tolist() == [1.0]
    assert nothing == {"inputs": {}}
    (example,) = toml["example"]
    assert example["inputs"]["image"] == "@misc/_example_misc_file_0"
    assert files["misc/_example_misc_file_0"] == b"\x89PNG"
    assert read_tensor(files, example["inputs"]["any"]) == "text"
    assert read_tensor(files, example["sample_out"]["out"]) == 5.0


def test_misc_files_lie_under_their_names(files: dict[str, bytes]) -> None:
    assert (files["misc/pictures/a.png"], files["misc/b.mp3"]) == (b"png", b"")


def test_an_index_of_tensors_is_always_written(double_carton: Path) -> None:
    assert tomllib.loads(files_of(double_carton)["tensor_data/index.toml"].decode()) == {"tensor": []}


def test_the_model_hash_is_that_of_the_manifest(double_carton: Path) -> None:
    manifest = files_of(double_carton)["MANIFEST"]
    assert carton.sync.get_model_info(double_carton).model_hash == hashlib.sha256(manifest).hexdigest()


def test_small_files_are_compressed_and_large_ones_that_do_not_shrink_are_stored(
    code_dir: Callable[..., Path], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).bytes(5 << 20)
    folder = code_dir({"small": "a" * 1000, "text": "line\n" * (1 << 20), "weights": noise})
    options = {"runner_name": "noop", "required_framework_version": "*"}
    with zipfile.ZipFile(carton.sync.pack(folder, output_path=tmp_path / "methods.carton", **options)) as archive:
        methods = {info.filename: info.compress_type for info in archive.infolist()}
    zstd, stored = 93, 0
    assert (methods["model/small"], methods["model/text"], methods["model/weights"]) == (zstd, zstd, stored)
    assert methods["MANIFEST"] == stored
