"""Locks that come in a carton: one that means harm is no lock, and says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from carton_runtime import Settings
from carton_runtime.environments.interpreters import find_interpreters
from carton_runtime.environments.locked import read_locked
from carton_runtime.environments.recipe import Recipe

HASH = "0" * 64
WHEEL = "x-1-py3-none-any.whl"
PATHS = {
    f"../../{WHEEL}": "is not normalised",
    f"/etc/{WHEEL}": "is absolute",
    f"C:/{WHEEL}": "is absolute",
    f"nul/{WHEEL}": "is a device on Windows",
}


def pylock(path: str) -> bytes:
    return f"""lock-version = "1.0"
created-by = "evil"
[[packages]]
name = "x"
version = "1"
[[packages.wheels]]
path = "{path}"
hashes = {{sha256 = "{HASH}"}}
""".encode()


def carton_lock(path: str) -> bytes:
    return f"""orig_deps_hash = ""
[[lockfile]]
[[lockfile.locked_deps]]
sha256 = "{HASH}"
bundled_whl_path = "{path}"
""".encode()


def why_not(folder: Path, **files: bytes) -> str:
    interpreter = find_interpreters(Settings.load())[0]
    locked = read_locked(Recipe(folder, **files), interpreter)
    assert locked.lock is None
    return locked.why_not


@pytest.mark.parametrize(("path", "words"), PATHS.items())
def test_a_wheel_outside_the_carton_is_refused(path: str, words: str, tmp_path: Path) -> None:
    (tmp_path / WHEEL).write_bytes(b"of somebody else")
    folder = tmp_path / "model" / ".carton"
    assert words in why_not(folder, pylock=pylock(path))
    assert words in why_not(folder, carton_lock=carton_lock(path))


def test_a_wheel_inside_the_carton_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bundled_wheels").mkdir()
    (tmp_path / "bundled_wheels" / WHEEL).write_bytes(b"a wheel")
    interpreter = find_interpreters(Settings.load())[0]
    locked = read_locked(Recipe(tmp_path, pylock=pylock(f"bundled_wheels/{WHEEL}")), interpreter)
    assert locked.lock is not None, locked.why_not


@pytest.mark.parametrize("text", [b"a = " + b"[" * 50_000, b"a = " + b"[" * 99 + b"]" * 99, b"#" * (9 << 20), b"\xff"])
def test_a_lock_that_would_take_memory_or_time_without_end_is_refused(text: bytes, tmp_path: Path) -> None:
    for name in ("pylock", "carton_lock"):
        assert any(words in why_not(tmp_path, **{name: text}) for words in ("limit_toml", "is not UTF-8"))
