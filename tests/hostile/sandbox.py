"""Tells whether anything was written where nothing may be, or left over where something may."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

CANARIES = (
    "canary",
    "home/.profile",
    "home/.carton/config.toml",
    "current/canary.py",
    "temporary/canary",
    "etc/passwd",
)
"""Files that a breach would aim at, from the top of the sandbox."""


@dataclass
class Sandbox:
    """A small world: a home, a current folder, temporary files, a cache, and cartons that came from outside.

    Attributes:
        root: all of it.
        before: what it held when `start` was called, without the cache.
    """

    root: Path
    before: dict[str, tuple[object, ...]] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path) -> Sandbox:
        """Build it, canaries and all."""
        for canary in CANARIES:
            (root / canary).parent.mkdir(parents=True, exist_ok=True)
            (root / canary).write_text(f"# the canary {canary}\n")
        (root / "cartons").mkdir()
        return cls(root)

    @property
    def cache(self) -> Path:
        """The cache; it does not exist yet."""
        return self.root / "cache"

    @property
    def cartons(self) -> Path:
        """Where cartons lie."""
        return self.root / "cartons"

    @property
    def home(self) -> Path:
        """The home folder."""
        return self.root / "home"

    @property
    def current(self) -> Path:
        """The current folder."""
        return self.root / "current"

    @property
    def temporary(self) -> Path:
        """The folder for temporary files."""
        return self.root / "temporary"

    def start(self) -> None:
        """Remember how things are."""
        self.before = self._outside()

    def check_untouched(self) -> None:
        """Fail unless everything outside the cache is as it was."""
        after = self._outside()
        touched = {path for path in self.before.keys() | after.keys() if self.before.get(path) != after.get(path)}
        assert not touched, f"outside of the cache these were written, removed or changed: {sorted(touched)}"

    def check_no_remains(self) -> None:
        """Fail unless the cache holds nothing of a carton, but for whole files under their own hashes."""
        remains = [path for path in self.cache.rglob("*") if not _may_stay(path, self.cache)]
        assert not remains, f"the cache was left with {remains}"

    def _outside(self) -> dict[str, tuple[object, ...]]:
        found = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if Path(folder, name) != self.cache]
            for path in (Path(folder, name) for name in [*folders, *files]):
                found[str(path)] = _state(path)
        return found


def _state(path: Path) -> tuple[object, ...]:
    """All that a write would change of a file, link or folder."""
    seen = path.lstat()
    content: object = None
    if stat.S_ISREG(seen.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest() if seen.st_size < 1 << 24 else seen.st_size
    elif stat.S_ISLNK(seen.st_mode):
        content = path.readlink()
    # A folder's time changes with the names in it, which are compared by themselves
    time = None if stat.S_ISDIR(seen.st_mode) else seen.st_mtime_ns
    return seen.st_mode, seen.st_ino, seen.st_nlink, time, content


def _may_stay(path: Path, cache: Path) -> bool:
    inside = path.relative_to(cache)
    if (path.is_dir() and not path.is_symlink()) or inside == Path("interpreters.json"):
        return True
    is_whole = path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    return inside.parts[0] == "files" and is_whole
