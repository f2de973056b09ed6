"""What is written here is read back by `zipfile`, `tomllib` and `numpy` alone, as another implementation would."""

from __future__ import annotations

import hashlib
import io
import sys
import tomllib
import zipfile

import numpy as np
import pytest

from carton_runtime._child.carton_wire.nested import NestedTensor
from carton_runtime.format import v1
from carton_runtime.format.archive import ArchiveWriter, Method
from carton_runtime.format.document import Document, RunnerInfo, SelfTest, TensorRef, TensorSpec
from carton_runtime.format.manifest import Manifest
from carton_runtime.format.tensor_files import encode

if sys.version_info >= (3, 14):
    zstd_zipfile = zipfile
else:
    from backports.zstd import zipfile as zstd_zipfile

MODEL = b"def get_model():\n    ...\n" * 1000
NUMBERS = np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(2, 0, 1)
WORDS = np.array([["a", "bé\n"], ['"q"', ""]])
RAGGED = NestedTensor([np.array([1.5, 2.5]), np.array([3.5])])

DOCUMENT = Document(
    RunnerInfo("python", ">= 3.10", 1, {"model.verbose": True}),
    model_name="sample",
    inputs=(TensorSpec("x", "int16", ["n", None, 3]),),
    outputs=(TensorSpec("y", "string", None),),
    self_tests=(SelfTest({"x": TensorRef("numbers")}, expected_out={"y": TensorRef("words")}),),
)


def packed(method: Method) -> bytes:
    files = {
        "carton.toml": v1.serialise(DOCUMENT),
        "model/main.py": MODEL,
        "model/ü.bin": b"\0" * 10,
        **encode({"numbers": NUMBERS, "words": WORDS, "ragged": RAGGED, "none": np.zeros((0, 2))}),
    }
    hashed = {**files, "model/link.py": MODEL}  # a symlink has the hash of the file that it points to
    manifest = Manifest({path: hashlib.sha256(content).hexdigest() for path, content in hashed.items()})
    file = io.BytesIO()
    with ArchiveWriter(file) as archive:
        for path, content in files.items():
            archive.add(path, [content], method=method, size=memoryview(content).nbytes)
        archive.add_symlink("model/link.py", "main.py")
        archive.add("MANIFEST", [manifest.serialise()], method=Method.STORED)
    return file.getvalue()


@pytest.mark.parametrize("method", list(Method))
def test_zipfile_reads_the_archive(method: Method) -> None:
    module = zstd_zipfile if method is Method.ZSTD else zipfile
    with module.ZipFile(io.BytesIO(packed(method))) as archive:
        assert archive.testzip() is None
        assert archive.read("model/main.py") == MODEL
        assert archive.read("model/ü.bin") == b"\0" * 10
        infos = {info.filename: info for info in archive.infolist()}
        link = infos.pop("model/link.py")
        assert (archive.read(link), link.external_attr >> 16, link.create_system) == (b"main.py", 0o120777, 3)
        assert (link.compress_type, infos.pop("MANIFEST").compress_type) == (0, 0)
        assert {info.compress_type for info in infos.values()} == {int(method)}
        assert {info.external_attr >> 16 for info in infos.values()} == {0o100644}
        assert {info.date_time for info in infos.values()} == {(1980, 1, 1, 0, 0, 0)}
        assert not [name for name in infos if name.endswith("/")]


def test_the_manifest_has_the_hash_of_every_file() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(Method.DEFLATE))) as archive:
        lines = archive.read("MANIFEST").decode().splitlines()
        listed = dict(line.rsplit("=", 1) for line in lines)
        assert lines == sorted(lines)
        assert set(listed) == set(archive.namelist()) - {"MANIFEST"}
        assert listed.pop("model/link.py") == listed["model/main.py"]
        assert all(hashlib.sha256(archive.read(path)).hexdigest() == sha256 for path, sha256 in listed.items())


def test_tomllib_reads_the_document() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(Method.STORED))) as archive:
        document = tomllib.loads(archive.read("carton.toml").decode())
    assert document["spec_version"] == 1
    assert document["runner"]["required_framework_version"] == ">=3.10"
    assert document["runner"]["opts"] == {"model.verbose": True}
    assert document["input"] == [{"name": "x", "dtype": "int16", "shape": ["n", "*", 3]}]
    assert document["self_test"][0]["expected_out"] == {"y": "@tensor_data/words"}


def test_numpy_reads_the_tensors() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(Method.DEFLATE))) as archive:
        rows = tomllib.loads(archive.read("tensor_data/index.toml").decode())["tensor"]
        index = {row["name"]: row for row in rows}

        def read(name: str) -> object:
            row = index[name]
            if row["dtype"] == "nested":
                return [read(inner).tolist() for inner in row["inner"]]
            data = archive.read(f"tensor_data/{row['file']}")
            if row["dtype"] == "string":
                return np.array(tomllib.loads(data.decode())["data"]).reshape(row["shape"])
            return np.frombuffer(data, np.dtype(row["dtype"]).newbyteorder("<")).reshape(row["shape"])

        np.testing.assert_array_equal(read("numbers"), NUMBERS)
        np.testing.assert_array_equal(read("words"), WORDS)
        assert read("ragged") == [[1.5, 2.5], [3.5]]
        assert read("none").shape == (0, 2)
