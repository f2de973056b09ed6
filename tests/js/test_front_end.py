"""The panel's script: its types are right, its own tests pass, and what is committed was built of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fix_js import FrontEnd

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "carton_jupyter" / "panel" / "static"
FILES = {"panel.css", "panel.js"}


def test_its_types_are_right(front_end: FrontEnd) -> None:
    front_end.npm("run", "check")


def test_its_own_tests_pass(front_end: FrontEnd) -> None:
    front_end.npm("test")


def test_what_is_committed_is_what_it_builds(front_end: FrontEnd) -> None:
    for path in front_end.bundle.iterdir():
        path.unlink()
    front_end.npm("run", "build")
    built = {path.name: path.read_bytes() for path in front_end.bundle.iterdir()}
    committed = {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
    assert set(committed) == set(built) == FILES
    stale = [name for name in FILES if committed[name] != built[name]]
    assert stale == [], "run `npm run build` in js/ and commit what it changes"


def test_its_packages_may_come_from_any_registry() -> None:
    lock = (ROOT / "js" / "package-lock.json").read_text(encoding="utf-8")
    assert '"integrity"' in lock
    assert '"resolved"' not in lock


# What each of them is there to find


def test_a_wrong_type_would_be_found(front_end: FrontEnd) -> None:
    bad = front_end.folder / "src" / "bad.ts"
    bad.write_text('export const wrong: number = "text"\n', encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match="not assignable"):
        front_end.npm("run", "check")
    bad.unlink()


def test_a_test_that_fails_would_be_found(front_end: FrontEnd) -> None:
    bad = front_end.folder / "tests" / "bad.test.ts"
    bad.write_text('import { expect, test } from "vitest"\ntest("wrong", () => expect(1).toBe(2))\n', encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match="expected 1 to be 2"):
        front_end.npm("test", "--", "bad")
    bad.unlink()
