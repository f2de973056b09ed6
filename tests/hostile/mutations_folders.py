"""Damage to unpacked cartons: files changed, gone, added, or something else than files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from hostile.corpus import DRAFTS
from hostile.zoo_folders import unpack

ODD_NAMES = (b"\xff", b"a\nb", b"\x1b[2J", b"CON", b"x" * 255, "é".encode(), b"WEIGHTS.bin", b" ", b"a=b", b"...")
TARGETS = ("../../canary", "/etc/passwd", "weights.bin", ".", "..", "nowhere", "link", "/dev/zero", "../carton.toml")
HUGE = 1 << 43
"""Bytes that no disk of a test has, and that take none while they are not written."""


def rewrite(rng: Random, path: Path) -> None:
    """Change some bytes."""
    if path.stat().st_size == HUGE:  # which an earlier damage made of it
        return
    content = bytearray(path.read_bytes() or b"\0")
    for _ in range(rng.randrange(1, 5)):
        content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    path.write_bytes(content)


def resize(rng: Random, path: Path) -> None:
    """Cut a file, or make it huge."""
    with path.open("r+b") as file:
        file.truncate(rng.choice((0, path.stat().st_size // 2, HUGE)))


def remove(_: Random, path: Path) -> None:
    """Take a file away."""
    path.unlink()


def pipe(_: Random, path: Path) -> None:
    """Put a pipe in its place."""
    path.unlink()
    os.mkfifo(path)


def folder(_: Random, path: Path) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


def link(rng: Random, path: Path) -> None:
    """Put a symlink in its place."""
    path.unlink()
    path.symlink_to(rng.choice(TARGETS))


def add(rng: Random, path: Path) -> None:
    """Put something with an odd name beside it."""
    beside = Path(os.fsdecode(os.fsencode(path.parent) + b"/" + rng.choice(ODD_NAMES)))
    if not os.path.lexists(beside):
        rng.choice((Path.touch, Path.mkdir, os.mkfifo))(beside)


DAMAGES: tuple[Callable[[Random, Path], None], ...] = (rewrite, resize, remove, pipe, folder, link, add)


def damaged_folder(rng: Random, root: Path) -> Path:
    """Unpack an honest carton at `root` and damage it; gives `root`."""
    draft = rng.choice(list(DRAFTS.values()))
    unpack(draft, root)
    for path, target in draft.links.items():
        (root / path).unlink()
        (root / path).symlink_to(target)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        rng.choice(DAMAGES)(rng, rng.choice(files))
    return root
