"""Zips as others would read and change them: with the standard library, and nothing of ours."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

SYMLINK = 0o120777 << 16


def files_of(carton: Path) -> dict[str, bytes]:
    """The entries of a zip, in their order."""
    with zipfile.ZipFile(carton) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip of these entries, all of them stored."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """The MANIFEST of these files."""
    listed = {path: content for path, content in files.items() if path not in ("MANIFEST", "LINKS")}
    lines = sorted((path.encode(), hashlib.sha256(content).hexdigest()) for path, content in listed.items())
    return b"".join(path + b"=" + sha256.encode() + b"\n" for path, sha256 in lines)


Changed = Callable[..., Path]


@pytest.fixture
def changed(double_carton: Path, tmp_path: Path) -> Changed:
    """Copies a carton with files replaced, or left out where the new content is `None`.

    The MANIFEST is made to agree unless `honest` is false.
    """

    def change(files: Mapping[str, bytes | None], *, of: Path = double_carton, honest: bool = True) -> Path:
        content = files_of(of) | files
        kept = {path: data for path, data in content.items() if data is not None}
        if honest and "MANIFEST" not in files:
            kept["MANIFEST"] = manifest_of(kept)
        return write_zip(tmp_path / "changed.carton", kept)

    return change


@pytest.fixture
def extracted(tmp_path: Path) -> Callable[[Path], Path]:
    """Unpacks a carton into a folder, symlinks and all."""

    def extract(carton: Path) -> Path:
        folder = tmp_path / "extracted"
        with zipfile.ZipFile(carton) as archive:
            for info in archive.infolist():
                path = folder / info.filename
                path.parent.mkdir(parents=True, exist_ok=True)
                if info.external_attr == SYMLINK:
                    path.symlink_to(archive.read(info).decode())
                else:
                    path.write_bytes(archive.read(info))
        return folder

    return extract
