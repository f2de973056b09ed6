"""Finding runners."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from carton_runtime.catalog.discover import discover, search_paths
from carton_runtime.settings import Settings

RUNNER = """
[[runner]]
runner_name = "{name}"
framework_version = "{version}"
runner_compat_version = 1
runner_interface_version = {interface}
runner_release_date = "2026-01-02T03:04:05Z"
runner_path = "code"
"""


def write(folder: Path, *runners: str, head: str = "version = 1") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "runner.toml"
    file.write_text("\n".join([head, *runners]))
    return file


def runner(name: str = "torch", version: str = "2.1.0", interface: int = 2, more: str = "") -> str:
    return RUNNER.format(name=name, version=version, interface=interface) + more


def test_a_runner_is_read_with_all_that_it_says(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a", runner(more='platform = "x86_64-apple-darwin"'), head='version = 1\ninstallation_id = "i"'
    )
    [entry] = discover([tmp_path]).entries
    assert (entry.name, entry.framework_version, entry.compat_version, entry.interface_version) == (
        "torch",
        "2.1.0",
        1,
        2,
    )
    assert entry.release_date == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (entry.path, entry.source) == (file.parent / "code", file)
    assert (entry.platform, entry.framework, entry.installation_id) == ("x86_64-apple-darwin", None, "i")


def test_a_runner_may_stand_anywhere_on_the_disk(tmp_path: Path) -> None:
    write(tmp_path / "a", runner().replace('"code"', '"/opt/torch"'))
    assert discover([tmp_path]).entries[0].path == Path("/opt/torch")


def test_dates_may_be_toml_dates(tmp_path: Path) -> None:
    write(tmp_path, runner().replace('"2026-01-02T03:04:05Z"', "2026-01-02T03:04:05Z"))
    assert discover([tmp_path]).entries[0].release_date == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_search_goes_no_deeper_than_a_runner_toml(tmp_path: Path) -> None:
    write(tmp_path / "a/b", runner("outer"))
    write(tmp_path / "a/b/c", runner("inner"))
    assert [entry.name for entry in discover([tmp_path]).entries] == ["outer"]


def test_unfinished_installations_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / ".tmp123", runner())
    assert discover([tmp_path]) == discover([])


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", runner())
    (tmp_path / "runners").mkdir()
    (tmp_path / "runners/link").symlink_to(tmp_path / "elsewhere")
    for name in ("loop", "other loop"):  # one alone ends where the system refuses to follow it; two double at each step
        (tmp_path / "runners" / name).symlink_to(tmp_path / "runners")
    assert len(discover([tmp_path / "runners"]).entries) == 1


def test_a_file_reached_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "a", runner())
    assert len(discover([tmp_path, tmp_path / "a"]).entries) == 1


def test_a_missing_folder_holds_nothing(tmp_path: Path) -> None:
    assert discover([tmp_path / "missing"]).entries == ()


@pytest.mark.parametrize(("interface", "words"), [(1, "original Carton"), (3, "newer")])
def test_runners_of_other_interfaces_are_skipped_with_a_reason(tmp_path: Path, interface: int, words: str) -> None:
    file = write(tmp_path, runner(interface=interface), runner("good"))
    found = discover([tmp_path])
    assert [entry.name for entry in found.entries] == ["good"]
    [skipped] = found.skipped
    assert (skipped.name, skipped.source) == ("torch", file)
    assert words in skipped.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = ", "not TOML"),
        ("version = 2", "version"),
        ("", "version"),
        ("version = 1\n[[runner]]\nrunner_name = 3", "runner[0].runner_name"),
        ("version = 1\n" + runner().replace("2.1.0", "two"), "two"),
        ("version = 1\n" + runner().replace("2026-01-02T03:04:05Z", "yesterday"), "runner_release_date"),
        ("version = 1\n" + runner().replace("05Z", "05"), "UTC"),
        ("version = 1\n" + runner().replace("framework_version", "framework"), "framework"),
        ("version = 1\n" + runner().replace("runner_path", "path"), "runner_path"),
    ],
)
def test_a_malformed_file_is_skipped_and_hides_no_other(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/runner.toml").write_text(text)
    write(tmp_path / "good", runner())
    found = discover([tmp_path])
    assert len(found.entries) == 1
    assert words in found.skipped[0].reason
    assert str(tmp_path / "bad/runner.toml") in found.skipped[0].reason


def test_a_runner_of_python_itself_has_no_version_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, runner("python").replace('framework_version = "2.1.0"', 'framework = "python"'))
    [entry] = discover([tmp_path]).entries
    assert (entry.framework, entry.framework_version) == ("python", None)


def test_our_own_runners_are_found_besides_those_of_the_user(tmp_path: Path) -> None:
    write(tmp_path / "mine", runner("somebody/mine"))
    found = discover(search_paths(Settings(runner_dir=tmp_path)))
    assert {"somebody/mine", "python", "noop"} <= {entry.name for entry in found.entries}
    assert found.skipped == ()
