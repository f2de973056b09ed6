"""A zip and a folder with the same contents are the same carton."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fix_zips import SYMLINK, files_of, zipfile

import carton_runtime as carton
from carton_runtime import FormatError, IntegrityError
from carton_runtime.contents.carton import CartonFiles

Opened = Callable[[Path | str], CartonFiles]


@pytest.fixture(scope="module")
def zipped(code_dir: Callable[..., Path], packed: Callable[..., Path]) -> Path:
    """A carton with links, tensors and misc files."""
    code = code_dir({"main.py": "from helper import *", "helper.py": HELPER, "deep/data": b"\0" * 3_000_000})
    (code / "link.py").symlink_to("helper.py")
    (code / "deep" / "up").symlink_to("../helper.py")
    specs = {"inputs": [carton.TensorSpec("x", "int64", ["n"])], "outputs": [carton.TensorSpec("out", "int64", ["n"])]}
    tests = [carton.SelfTest({"x": np.array([1, 2])}, expected_out={"out": np.array([2, 4])})]
    return packed(code, **specs, self_tests=tests, misc_files={"a/b.png": b"png"}, model_name="both")


HELPER = """
import os

class Model:
    def infer_with_tensors(self, tensors):
        return {"out": tensors["x"] * 2}

def get_model():
    assert os.path.islink("link.py") and os.readlink("deep/up") == "../helper.py"
    assert os.path.getsize("deep/data") == 3_000_000
    return Model()
"""


@pytest.fixture
def unpacked(zipped: Path, extracted: Callable[[Path], Path]) -> Path:
    return extracted(zipped)


async def test_both_give_the_same_model(zipped: Path, unpacked: Path) -> None:
    hashes = []
    for path in (zipped, unpacked, f"file://{zipped}", str(unpacked)):
        async with await carton.load(path) as model:
            assert (await model.run_self_tests()).passed
            assert await model.info.misc_files["a/b.png"].read() == b"png"
            assert model.info.model_name == "both"
            hashes.append(model.info.model_hash)
    assert len(set(hashes)) == 1


def test_both_have_the_same_files_with_the_same_bytes(zipped: Path, unpacked: Path, opened: Opened) -> None:
    one, other = opened(zipped), opened(unpacked)
    assert one.manifest == other.manifest
    assert sorted(one.contents.paths) == sorted(other.contents.paths)
    assert (one.document, one.model_files, one.misc_files) == (other.document, other.model_files, other.misc_files)
    for path in one.contents.paths:
        targets = [asyncio.run(files.contents.link_target(path)) for files in (one, other)]
        assert targets[0] == targets[1]
        if targets[0] is None:
            assert len({asyncio.run(files.contents.read(path)) for files in (one, other)}) == 1
            assert one.contents.size(path) == other.contents.size(path)


def test_large_files_come_in_pieces(zipped: Path, unpacked: Path, opened: Opened) -> None:
    async def sizes(files: CartonFiles) -> list[int]:
        return [len(chunk) async for chunk in files.contents.stream("model/deep/data")]

    for location in (zipped, unpacked):
        found = asyncio.run(sizes(opened(location)))
        assert sum(found) == 3_000_000
        assert max(found) <= 1 << 20
        assert len(found) >= 3


async def test_a_folder_from_which_a_file_is_gone_is_refused(unpacked: Path) -> None:
    (unpacked / "model" / "helper.py").unlink()
    with pytest.raises(FormatError, match=r"lists 'model/helper\.py', which it neither holds nor links to"):
        await carton.load(unpacked)


async def test_a_folder_with_a_file_too_many_is_refused(unpacked: Path) -> None:
    (unpacked / "model" / "extra.py").touch()
    with pytest.raises(FormatError, match=r"holds 'model/extra\.py', which its MANIFEST does not list"):
        await carton.load(unpacked)


async def test_a_folder_with_a_changed_file_is_refused(unpacked: Path, cache_dir: Path) -> None:
    (unpacked / "model" / "helper.py").write_text("evil")
    with pytest.raises(IntegrityError, match=r"model/helper\.py of .*extracted has sha256"):
        await carton.load(unpacked)
    assert not list(cache_dir.rglob("helper.py"))


async def test_a_folder_with_a_link_to_a_folder_is_refused(unpacked: Path, tmp_path: Path) -> None:
    (unpacked / "model" / "folder").symlink_to(tmp_path)
    with pytest.raises(FormatError, match="is a link to a folder, which no carton holds"):
        await carton.load(unpacked)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "..", ""])
async def test_a_link_that_leaves_the_carton_is_refused(zipped: Path, tmp_path: Path, target: str) -> None:
    path = with_link(zipped, tmp_path, target)
    with pytest.raises(FormatError, match=r"model/link\.py: is a symlink to .*(relative path|outside the carton)"):
        await carton.load(path)


@pytest.mark.parametrize("target", ["link.py", "../carton.toml", "../model/../carton.toml"])
async def test_a_link_in_a_circle_or_out_of_the_model_is_refused(zipped: Path, tmp_path: Path, target: str) -> None:
    with pytest.raises(FormatError, match=r"model/link\.py links to .*: in a circle, or out of the model"):
        await carton.load(with_link(zipped, tmp_path, target))


async def test_a_link_to_something_else_than_the_manifest_promises_is_refused(zipped: Path, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"model/link\.py links to model/.*not what the MANIFEST promises"):
        await carton.load(with_link(zipped, tmp_path, "main.py"))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere", "model/nowhere, which is not in the carton"),
        ("deep", "model/deep, which is a folder, and a link may only lead to a file"),
    ],
)
async def test_a_link_that_leads_to_no_file_says_so(zipped: Path, tmp_path: Path, target: str, words: str) -> None:
    with pytest.raises(FormatError, match=f"model/link.py links to {words}"):
        await carton.load(with_link(zipped, tmp_path, target))


def with_link(whole: Path, tmp_path: Path, target: str) -> Path:
    """A copy of a carton whose ``link.py`` leads elsewhere, under a MANIFEST that does not know."""
    path = tmp_path / "relinked.carton"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            content = target.encode() if info.filename == "model/link.py" else old.read(info)
            info.compress_type = 0
            new.writestr(info, content)
    assert SYMLINK in {info.external_attr for info in zipfile.ZipFile(path).infolist()}
    return path


async def test_a_link_of_a_folder_that_leads_nowhere_says_so(unpacked: Path) -> None:
    (unpacked / "model" / "link.py").unlink()
    (unpacked / "model" / "link.py").symlink_to("nowhere")
    with pytest.raises(FormatError, match=r"model/link\.py links to model/nowhere, which is not in the carton"):
        await carton.load(unpacked)


async def test_the_folder_of_a_carton_may_be_moved(unpacked: Path, tmp_path: Path) -> None:
    shutil.move(unpacked, tmp_path / "moved")
    assert (await carton.get_model_info(tmp_path / "moved")).model_name == "both"


def test_unknown_entries_at_the_top_are_kept_out_of_the_way(changed: Callable[..., Path], opened: Opened) -> None:
    files = opened(changed({"README": b"hello", "extra/file": b""}, honest=False))
    assert not {"README", "extra/file"} & files.manifest.entries.keys()


def test_an_absent_index_of_tensors_is_none_at_all(changed: Callable[..., Path], opened: Opened) -> None:
    assert opened(changed({"tensor_data/index.toml": None})).tensors.tensors == {}


def test_the_helpers_of_these_tests_see_what_zipfile_sees(zipped: Path) -> None:
    assert files_of(zipped)["model/link.py"] == b"helper.py"
