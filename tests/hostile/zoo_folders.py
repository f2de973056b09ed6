"""Unpacked cartons: folders with what no zip can hold."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from hostile.beasts import Beast
from hostile.drafts import Draft
from hostile.sandbox import Sandbox

from carton_runtime import StorageError


def unpack(draft: Draft, folder: Path) -> Path:
    """Write a draft as a folder."""
    for entry in draft.entries():
        path = folder / entry.name.decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry.content)
    return folder


def _folder(spoil: Callable[[Path, Sandbox], None]) -> Callable[[Sandbox], Path]:
    """Makes an honest folder and then something of it that is not."""

    def make(sandbox: Sandbox) -> Path:
        folder = unpack(Draft(), sandbox.cartons / "unpacked")
        spoil(folder, sandbox)
        return folder

    return make


def _pipe(folder: Path, _: Sandbox) -> None:
    os.mkfifo(folder / "model" / "pipe")


def _pipe_in_place_of_the_manifest(folder: Path, _: Sandbox) -> None:
    (folder / "MANIFEST").unlink()
    os.mkfifo(folder / "MANIFEST")


def _socket(folder: Path, _: Sandbox) -> None:
    bound = socket.socket(socket.AF_UNIX)
    # The name of a socket may have no more than 107 bytes, wherever its folder is
    descriptor = os.open(folder, os.O_RDONLY)
    bound.bind(f"/proc/self/fd/{descriptor}/socket")
    os.close(descriptor)
    bound.close()


def _in_place(name: str, target: str) -> Callable[[Path, Sandbox], None]:
    """Puts a link in the place of a file."""

    def spoil(folder: Path, sandbox: Sandbox) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target.format(root=sandbox.root))

    return spoil


def _linked_folder(folder: Path, sandbox: Sandbox) -> None:
    (folder / "model" / "more").symlink_to(sandbox.home)


def _huge(folder: Path, _: Sandbox) -> None:
    with (folder / "model" / "weights.bin").open("r+b") as file:
        file.truncate(1 << 40)  # without a block of it on the disk


def _huge_manifest(folder: Path, _: Sandbox) -> None:
    with (folder / "MANIFEST").open("r+b") as file:
        file.truncate(1 << 30)


def _added(folder: Path, _: Sandbox) -> None:
    (folder / "model" / "evil.py").write_text("import os")


def _locked(folder: Path, _: Sandbox) -> None:
    (folder / "MANIFEST").unlink()
    (folder / "MANIFEST").mkdir()


BEASTS = [
    Beast("a pipe in a folder", _folder(_pipe), "is neither a file nor a symlink"),
    Beast("a pipe as MANIFEST", _folder(_pipe_in_place_of_the_manifest), "is neither a file nor a symlink"),
    Beast("a socket in a folder", _folder(_socket), "is neither a file nor a symlink"),
    Beast("a link to a folder outside", _folder(_linked_folder), "is a link to a folder, which no carton holds"),
    Beast(
        "a link to a file outside",
        _folder(_in_place("model/weights.bin", "../../../canary")),
        "which lies outside the carton",
        reach="load",
    ),
    Beast(
        "a link to an absolute file",
        _folder(_in_place("model/weights.bin", "{root}/canary")),
        "its target must be a relative path",
        reach="load",
    ),
    Beast("a link to a device file", _folder(_in_place("carton.toml", "/dev/zero")), "must be a relative path"),
    Beast("a MANIFEST from elsewhere", _folder(_in_place("MANIFEST", "{root}/etc/passwd")), "must be a relative path"),
    Beast("a MANIFEST from beside it", _folder(_in_place("MANIFEST", "carton.toml")), "its MANIFEST is a symlink"),
    Beast("a MANIFEST that is a folder", _folder(_locked), "it has no MANIFEST"),
    Beast("a terabyte of nothing", _folder(_huge), "holds", variables={"CARTON_LIMIT_EXPANDED_SIZE": "1 GB"}),
    Beast("a MANIFEST of a gigabyte", _folder(_huge_manifest), "more than limit_manifest_size = 67,108,864 allows"),
    Beast("a file too many", _folder(_added), "which its MANIFEST does not list"),
    Beast("too many files", _folder(_added), "holds 4 files or more", variables={"CARTON_LIMIT_ENTRIES": "3"}),
    Beast("no carton at all", lambda sandbox: sandbox.home, "is no carton: it has no MANIFEST"),
    Beast("nothing there", lambda sandbox: sandbox.cartons / "gone", "does not exist", error=StorageError),
]
