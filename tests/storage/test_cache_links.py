"""One file under several names: linked at once, with one verdict, and without a trace beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from carton_runtime.errors import StorageError
from carton_runtime.storage.cache import is_verified, link, mark_verified, sweep


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file that was checked."""
    path = tmp_path / "source"
    path.write_bytes(b"content")
    mark_verified(path)
    return path


def test_a_write_through_another_name_takes_the_verdict_back(source: Path, tmp_path: Path) -> None:
    link(source, tmp_path / "elsewhere" / "name")
    assert is_verified(tmp_path / "elsewhere" / "name")
    (tmp_path / "elsewhere" / "name").chmod(0o644)
    (tmp_path / "elsewhere" / "name").write_bytes(b"other")
    assert not is_verified(source)


def test_a_link_replaces_what_is_there_and_leaves_nothing_beside(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "deep" / "er" / "name"
    destination.parent.mkdir(parents=True)
    destination.write_bytes(b"before")
    link(source, destination)
    assert destination.samefile(source)
    link(source, destination)
    assert [path.name for path in destination.parent.iterdir()] == ["name"]


def test_a_symlink_to_the_file_is_replaced_too(source: Path, tmp_path: Path) -> None:
    (tmp_path / "name").symlink_to(source)
    link(source, tmp_path / "name")
    assert not (tmp_path / "name").is_symlink()


@pytest.mark.parametrize("name", ["x" * 255, "日" * 85], ids=["ascii", "three bytes each"])
def test_a_name_may_be_as_long_as_names_can_be(source: Path, tmp_path: Path, name: str) -> None:
    link(source, tmp_path / name)
    assert (tmp_path / name).samefile(source)


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)


def test_where_links_are_impossible_a_checked_copy_is_made(source: Path, tmp_path: Path, no_hard_links: None) -> None:
    link(source, tmp_path / "name")
    assert not (tmp_path / "name").samefile(source)
    assert (tmp_path / "name").read_bytes() == source.read_bytes()
    assert is_verified(tmp_path / "name")


def test_a_link_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"file/name cannot be written"):
        link(tmp_path / "file", tmp_path / "file" / "name")


def test_a_source_that_is_gone_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        link(tmp_path / "gone", tmp_path / "name")
    assert not isinstance(caught.value, StorageError)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_beside_is_swept_away(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    link(source, folder / "deep" / "name")
    (folder / "deep" / ".tmp-1-2").touch()
    sweep(folder)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["name"]
