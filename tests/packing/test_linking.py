"""`pack(linked_files=…)` and `shrink`: what is left out, what is written in its place, and what both refuse."""

from __future__ import annotations

import asyncio
import random
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_links import links_file, sha256_of
from fix_models import DOUBLE, options_for
from fix_zips import files_of, manifest_of, write_zip, zipfile

import carton_runtime as carton
from carton_runtime.format.archive import ArchiveWriter
from carton_runtime.testing.range_server import RangeServer

WEIGHTS = random.Random(1).randbytes(700_000)
MORE = random.Random(2).randbytes(100_000)
SHA256, OTHER, NOTHING = sha256_of(WEIGHTS), sha256_of(MORE), sha256_of(b"nothing")
URL, MIRROR = "https://x.example/weights", "https://y.example/weights"

Shrink = Callable[..., Path]


@pytest.fixture
def whole(pack_noop: Callable[..., Path]) -> Path:
    return pack_noop({"weights": WEIGHTS, "again": WEIGHTS, "more": MORE}, misc_files={"weights": WEIGHTS})


@pytest.fixture
def pack(pack_noop: Callable[..., Path]) -> Shrink:
    """Packs the model of `whole` anew."""
    files = {"weights": WEIGHTS, "again": WEIGHTS, "more": MORE}
    return lambda links: pack_noop(files, misc_files={"weights": WEIGHTS}, linked_files=links)


@pytest.fixture
def shrink(whole: Path, tmp_path: Path) -> Shrink:
    return lambda links: carton.sync.shrink(whole, links, output_path=tmp_path / "small.carton")


def links_of(path: Path) -> Mapping[str, list[str]]:
    links = tomllib.loads(files_of(path)["LINKS"].decode())
    assert links["version"] == 1
    return links["urls"]


def model_hash(path: Path) -> str | None:
    return carton.sync.get_model_info(path).model_hash


def test_packing_leaves_out_files_of_the_model_only(pack: Shrink, whole: Path) -> None:
    path = pack({SHA256: [URL, MIRROR]})
    assert files_of(path).keys() - {"LINKS"} == files_of(whole).keys() - {"model/weights", "model/again"}
    assert files_of(path)["misc/weights"] == WEIGHTS
    assert links_of(path) == {SHA256: [URL, MIRROR]}
    assert model_hash(path) == model_hash(whole)


def test_shrinking_leaves_out_every_file_with_that_content(shrink: Shrink, whole: Path) -> None:
    path = shrink({SHA256: [URL, MIRROR]})
    left_out = {"model/weights", "model/again", "misc/weights"}
    assert files_of(path).keys() - {"LINKS"} == files_of(whole).keys() - left_out
    assert links_of(path) == {SHA256: [URL, MIRROR]}


def test_shrinking_keeps_the_manifest_to_the_byte(shrink: Shrink, whole: Path) -> None:
    path = shrink({SHA256: [URL], OTHER: [URL]})
    assert files_of(path)["MANIFEST"] == files_of(whole)["MANIFEST"]
    assert model_hash(path) == model_hash(whole)


def test_shrinking_keeps_a_manifest_that_others_wrote(whole: Path, tmp_path: Path) -> None:
    files = files_of(whole)
    files["MANIFEST"] = b"".join(reversed(files["MANIFEST"].splitlines(keepends=True)))
    odd = write_zip(tmp_path / "odd.carton", files)
    small = carton.sync.shrink(odd, {SHA256: [URL]}, output_path=tmp_path / "small.carton")
    assert files_of(small)["MANIFEST"] == files["MANIFEST"]
    assert model_hash(small) == model_hash(odd)


def test_the_zip_says_where_files_are_at_its_end(shrink: Shrink, pack: Shrink) -> None:
    for path in (shrink({SHA256: [URL]}), pack({SHA256: [URL]})):
        assert list(files_of(path))[-3:] == ["carton.toml", "MANIFEST", "LINKS"]
        with zipfile.ZipFile(path) as archive:
            assert {archive.getinfo(name).compress_type for name in ("MANIFEST", "LINKS")} == {zipfile.ZIP_STORED}


def test_symlinks_stay(code_dir: Callable[..., Path], pack_noop: Callable[..., Path], tmp_path: Path) -> None:
    folder = code_dir({"weights": WEIGHTS, "deep/file": MORE})
    (folder / "deep" / "link").symlink_to("../weights")
    links = {SHA256: [URL]}
    small = carton.sync.shrink(pack_noop(folder), links, output_path=tmp_path / "small.carton")
    for path in (small, pack_noop(folder, linked_files=links)):
        with zipfile.ZipFile(path) as archive:
            assert archive.read("model/deep/link") == b"../weights"
            assert "model/weights" not in archive.namelist()
        assert model_hash(path) == model_hash(small)


async def test_what_was_shrunk_runs(web: RangeServer, double_carton: Path, nothing_left: object) -> None:
    code = files_of(double_carton)["model/main.py"]
    path = await carton.shrink(double_carton, {sha256_of(code): [web.serve("main.py", code)]})
    try:
        async with await carton.load(path) as model:
            assert (await model.infer({"x": np.array(21)}))["out"] == 42
    finally:
        path.unlink()


def test_what_was_packed_with_links_runs(web: RangeServer, packed: Callable[..., Path]) -> None:
    code = web.serve("main.py", DOUBLE.encode())
    path = packed({"main.py": DOUBLE}, linked_files={sha256_of(DOUBLE.encode()): [code]})
    assert "model/main.py" not in files_of(path)
    with carton.sync.load(path) as model:
        assert model.infer({"x": np.array(21)})["out"] == 42


def test_shrinking_again_adds_to_what_was_known(shrink: Shrink, tmp_path: Path) -> None:
    once = shrink({SHA256: [URL]})
    twice = carton.sync.shrink(once, {SHA256: [MIRROR, URL], OTHER: [MIRROR]}, output_path=tmp_path / "twice.carton")
    assert links_of(twice) == {SHA256: [MIRROR, URL], OTHER: [MIRROR]}
    assert "model/more" not in files_of(twice)


def test_a_carton_may_replace_itself(whole: Path) -> None:
    before = model_hash(whole)
    assert carton.sync.shrink(whole, {SHA256: [URL]}, output_path=whole) == whole
    assert model_hash(whole) == before
    assert "model/weights" not in files_of(whole)


def test_an_unpacked_carton_becomes_a_packed_one(
    whole: Path, extracted: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = carton.sync.shrink(extracted(whole), {SHA256: [URL]}, output_path=tmp_path / "small.carton")
    assert model_hash(path) == model_hash(whole)


def test_a_carton_far_away_is_shrunk_to_one_that_is_here(web: RangeServer, whole: Path, tmp_path: Path) -> None:
    url = web.serve("whole.carton", whole)
    path = carton.sync.shrink(url, {SHA256: [URL]}, output_path=tmp_path / "small.carton")
    assert model_hash(path) == model_hash(whole)
    assert web.sent("whole.carton") < whole.stat().st_size  # without what is left out


@pytest.mark.parametrize("way", ["pack", "shrink"])
def test_hashes_of_other_files_are_left_out_with_a_warning(
    way: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    path = request.getfixturevalue(way)({SHA256: [URL], NOTHING: [URL]})
    assert links_of(path).keys() == {SHA256}
    assert f"no file has these hashes, which are left out: {NOTHING[:12]}" in caplog.text


REFUSED: list[tuple[Any, str]] = [
    ({NOTHING: [URL]}, f"no file has one of these hashes: {NOTHING[:12]}"),
    ({SHA256: URL}, "must be a list of URLs, not 'https://x.example/weights'"),
    ({SHA256: []}, "is empty; name at least one URL"),
    ({SHA256: ["ftp://x.example/a"]}, "is not an http, https or file URL"),
    ({SHA256: [1]}, re.escape(f"LINKS: urls.{SHA256}[0]")),
    ({SHA256: [URL, "https://me:hunter2@x.example/a"]}, "(linked_files|urls): has a user or password, which whoever"),
    ({"abc": [URL]}, "is not a sha256 of 64 hex digits"),
    ({7: [URL]}, "must be a string"),
    ([SHA256], "must be a dict"),
]


@pytest.mark.parametrize("way", ["pack", "shrink"])
@pytest.mark.parametrize(("links", "words"), REFUSED)
def test_bad_links_are_refused_and_nothing_is_written(
    way: str, links: Any, words: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    make = request.getfixturevalue(way)
    with pytest.raises(carton.FormatError, match=words) as caught:
        make(links)
    assert "hunter2" not in str(caught.value)
    assert not list(tmp_path.glob("*.carton"))


def test_shrinking_with_no_links_at_all_is_a_copy(shrink: Shrink, whole: Path) -> None:
    assert files_of(shrink({})) == files_of(whole)


def test_damage_is_found_and_what_was_there_stays(whole: Path, tmp_path: Path) -> None:
    files = files_of(whole)
    damaged = write_zip(tmp_path / "damaged.carton", {**files, "model/more": b"damaged"})
    output = tmp_path / "output"
    output.mkdir()
    (output / "small.carton").write_bytes(b"before")
    with pytest.raises(carton.IntegrityError, match="model/more of "):
        carton.sync.shrink(damaged, {SHA256: [URL]}, output_path=output / "small.carton")
    assert {path.name: path.read_bytes() for path in output.iterdir()} == {"small.carton": b"before"}


async def test_shrinking_can_be_cancelled(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_left: object
) -> None:
    begun, add = asyncio.Event(), ArchiveWriter.add
    loop = asyncio.get_running_loop()

    def slow(*arguments: Any, **options: Any) -> None:
        loop.call_soon_threadsafe(begun.set)
        add(*arguments, **options)

    monkeypatch.setattr(ArchiveWriter, "add", slow)
    work = asyncio.create_task(carton.shrink(whole, {OTHER: [URL]}, output_path=tmp_path / "small.carton"))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not list(tmp_path.glob("carton-*"))


def test_links_that_were_there_stay(whole: Path, tmp_path: Path) -> None:
    files = files_of(whole) | {"LINKS": links_file({OTHER: [MIRROR]})}
    linked = write_zip(tmp_path / "linked.carton", files | {"MANIFEST": manifest_of(files)})
    small = carton.sync.shrink(linked, {SHA256: [URL]}, output_path=tmp_path / "small.carton")
    assert links_of(small) == {OTHER: [MIRROR], SHA256: [URL]}
    assert "model/more" in files_of(small)


def test_a_model_that_is_not_packed_may_be_given_links_too(code_dir: Callable[..., Path]) -> None:
    options = options_for({"linked_files": {sha256_of(DOUBLE.encode()): [URL]}})
    with carton.sync.load_unpacked(code_dir(DOUBLE), **options) as model:
        assert model.infer({"x": np.array(21)})["out"] == 42
