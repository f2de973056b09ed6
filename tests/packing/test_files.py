"""Which files of a folder go into a carton, and how."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_zips import SYMLINK, files_of, zipfile

import carton_runtime as carton

Pack = Callable[..., Path]


def model_in(path: Path) -> dict[str, bytes | str]:
    """What a carton has below ``model/``: the content of files, and ``-> target`` for links."""
    found: dict[str, bytes | str] = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.startswith("model/"):
                content = archive.read(info)
                is_link = info.external_attr == SYMLINK
                found[info.filename.removeprefix("model/")] = f"-> {content.decode()}" if is_link else content
    return found


@pytest.mark.parametrize(
    "left_out", ["__pycache__/m.pyc", ".git/HEAD", ".ipynb_checkpoints/a.ipynb", ".carton/carton.lock", ".DS_Store"]
)
def test_what_tools_leave_beside_code_is_left_out(folder: Path, pack: Pack, left_out: str) -> None:
    for path in (folder / left_out, folder / "deep" / left_out, folder / "deep" / "kept"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content")
    assert model_in(pack(folder)) == {"deep/kept": b"content"}


def test_hidden_files_and_odd_names_are_kept(folder: Path, pack: Pack) -> None:
    for name in (".env", "a b=c", "ü", "日本", "a.pyc", "-", "x" * 200):
        (folder / name).write_text(name)
    assert model_in(pack(folder)) == {path.name: path.name.encode() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("README", "readme"), "'README' and 'readme'|'readme' and 'README'"),
        (("caf\u00e9", "cafe\u0301"), "which are one file on many systems"),
        (("aux.py",), "is a device on Windows"),
        (("a\x1b[2J",), "control character"),
    ],
)
def test_names_that_no_reader_would_take_are_refused_before_anything_is_written(
    folder: Path, pack: Pack, tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    for name in names:
        (folder / name).write_text(name)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(carton.FormatError, match=words):
        pack(folder)
    assert set(tmp_path.rglob("*")) == before


def test_empty_folders_are_lost_and_no_entry_is_a_folder(folder: Path, pack: Pack) -> None:
    (folder / "empty" / "inner").mkdir(parents=True)
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    names = list(files_of(pack(folder)))
    assert [name for name in names if name.startswith("model/")] == ["model/full/file"]
    assert not any(name.endswith("/") for name in names)


def test_an_empty_folder_is_a_model(folder: Path, pack: Pack) -> None:
    path = pack(folder)
    assert model_in(path) == {}
    with carton.sync.load(path) as model:
        assert model.infer(x=1)["x"] == 1


def test_one_file_may_be_a_model(folder: Path, pack: Pack) -> None:
    (folder / "model.pt").write_bytes(b"weights")
    assert model_in(pack(folder / "model.pt")) == {"model.pt": b"weights"}


def test_a_link_that_stays_inside_stays_a_link(folder: Path, pack: Pack) -> None:
    (folder / "deep").mkdir()
    (folder / "file").write_text("content")
    (folder / "beside").symlink_to("file")
    (folder / "deep" / "up").symlink_to("../file")
    (folder / "absolute").symlink_to(folder / "file")
    (folder / "chain").symlink_to("beside")
    path = pack(folder)
    assert model_in(path) == {
        "file": b"content",
        "absolute": "-> file",
        "beside": "-> file",
        "chain": "-> file",
        "deep/up": "-> ../file",
    }
    manifest = dict(line.rsplit("=", 1) for line in files_of(path)["MANIFEST"].decode().splitlines())
    assert len({manifest[f"model/{name}"] for name in ("file", "absolute", "beside", "chain", "deep/up")}) == 1


def test_a_link_that_leads_out_becomes_what_it_leads_to(folder: Path, pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("outside")
    (folder / "link").symlink_to("../outside")
    assert model_in(pack(folder)) == {"link": b"outside"}


def test_a_link_to_what_is_left_out_becomes_what_it_leads_to(folder: Path, pack: Pack) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("config")
    (folder / "link").symlink_to(".git/config")
    assert model_in(pack(folder)) == {"link": b"config"}


def test_a_link_to_a_folder_becomes_a_folder(folder: Path, pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    (folder / "inside").mkdir()
    (folder / "inside" / "file").write_text("inside")
    (folder / "inside" / "link").symlink_to("file")
    (folder / "to-outside").symlink_to("../outside")
    (folder / "to-inside").symlink_to("inside")
    found = model_in(pack(folder))
    assert found["to-outside/file"] == b"outside"
    assert found["to-inside/file"] == b"inside"
    assert (found["inside/link"], found["to-inside/link"]) == ("-> file", b"inside")


def test_a_folder_that_is_a_link_itself_may_be_packed(folder: Path, pack: Pack, tmp_path: Path) -> None:
    (folder / "file").write_text("content")
    (folder / "link").symlink_to("file")
    (tmp_path / "by-another-name").symlink_to(folder)
    assert model_in(pack(tmp_path / "by-another-name")) == {"file": b"content", "link": "-> file"}


def test_links_arrive_as_links(folder: Path, pack: Pack, cache_dir: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "file").write_text("content")
    (folder / "deep" / "link").symlink_to("../file")
    with carton.sync.load(pack(folder)):
        (placed,) = cache_dir.glob("models/*/_carton_model_module")
        assert (placed / "deep" / "link").readlink() == Path("../file")
        assert (placed / "deep" / "link").read_text() == "content"


def test_files_get_one_mode_and_one_date(folder: Path, pack: Pack) -> None:
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "secret").touch(mode=0o600)
    with zipfile.ZipFile(pack(folder)) as archive:
        assert {info.external_attr >> 16 for info in archive.infolist()} == {stat.S_IFREG | 0o644}
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_carton_is_as_readable_as_any_file_of_this_user(folder: Path, pack: Pack) -> None:
    before = os.umask(0o027)
    try:
        path = pack(folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_packing_writes_nothing_into_the_folder(code_dir: Callable[..., Path], packed: Callable[..., Path]) -> None:
    code = code_dir()
    before = sorted(code.rglob("*"))
    assert "model/.carton/carton.lock" in files_of(packed(code))
    assert sorted(code.rglob("*")) == before


def test_packing_replaces_the_carton_that_was_there(folder: Path, pack: Pack) -> None:
    (folder / "file").write_text("first")
    first = pack(folder)
    (folder / "file").write_text("second")
    assert pack(folder) == first
    assert model_in(first) == {"file": b"second"}


@pytest.mark.parametrize("link", [False, True])
def test_a_carton_written_into_its_models_folder_is_no_part_of_the_model(folder: Path, pack: Pack, link: bool) -> None:
    (folder / "file").write_text("content")
    if link:
        (folder / "latest.carton").symlink_to("model.carton")
        (folder / "model.carton").touch()
    for _ in range(2):
        assert model_in(pack(folder, folder / "model.carton")) == {"file": b"content"}


def test_a_carton_is_not_written_over_the_file_that_is_the_model(folder: Path, pack: Pack) -> None:
    (folder / "model.pt").write_bytes(b"weights")
    with pytest.raises(carton.StorageError, match=r"would replace the model itself; give another output_path"):
        pack(folder / "model.pt", folder / "model.pt")
    assert (folder / "model.pt").read_bytes() == b"weights"


def test_without_an_output_path_a_temporary_file_is_made(folder: Path, temporary: Path) -> None:
    path = carton.sync.pack(folder, runner_name="noop", required_framework_version="*")
    assert (path.parent, path.suffix) == (temporary, ".carton")
    assert list(temporary.iterdir()) == [path]
    path.unlink()
