"""Finding Pythons."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from platform import libc_ver, machine

import pytest

from carton_runtime.environments import inspection, interpreters
from carton_runtime.environments.candidates import candidate_paths
from carton_runtime.environments.downloads import newest_download
from carton_runtime.environments.inspection import running_interpreter
from carton_runtime.environments.interpreters import (
    Interpreter,
    choose_interpreter,
    ensure_interpreter,
    find_interpreters,
)
from carton_runtime.errors import InterpreterNotFoundError
from carton_runtime.format.versionreq import VersionReq
from carton_runtime.settings import Settings

SYSCONFIGDATA = "# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n"
OLD, NEW = Interpreter(Path("/old"), "3.9.18"), Interpreter(Path("/new"), "3.10.2")


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without Pythons besides the running one; returns a folder on its PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def fake_python(path: Path, version: str = "3.9.7", implementation: str = "cpython") -> Path:
    """A script that answers like an interpreter, and counts how often it is asked."""
    answer = json.dumps({"executable": str(path), "version": version, "implementation": implementation})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho >> {path}.asked\necho '{answer}'\n")
    path.chmod(0o755)
    return path


def versions(interpreters: tuple[Interpreter, ...]) -> list[str]:
    return [interpreter.version for interpreter in interpreters]


def test_the_running_python_comes_first_and_is_not_run(bare_machine: Path, settings: Settings) -> None:
    running = find_interpreters(settings)[0]
    assert running.path == Path(os.path.realpath(getattr(sys, "_base_executable", "")))
    assert running.version.startswith(f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}")
    assert not (settings.cache_dir / "interpreters.json").exists()


def test_pythons_are_found_where_the_settings_say_under_pyenv_under_uv_and_on_path(
    bare_machine: Path, tmp_path: Path
) -> None:
    fake_python(tmp_path / "PYENV_ROOT/versions/3.8.1/bin/python", "3.8.1")
    fake_python(tmp_path / "UV_PYTHON_INSTALL_DIR/cpython-3.9.2/bin/python3", "3.9.2")
    fake_python(bare_machine / "python3.10", "3.10.3")
    named = fake_python(tmp_path / "anywhere/snake", "3.13.4")
    settings = Settings(cache_dir=tmp_path / "cache", interpreters=(str(named), str(tmp_path / "missing")))
    assert versions(find_interpreters(settings))[1:] == ["3.13.4", "3.10.3", "3.9.2", "3.8.1"]


def test_a_second_search_runs_nothing(bare_machine: Path, settings: Settings) -> None:
    python = fake_python(bare_machine / "python3")
    assert find_interpreters(settings) == find_interpreters(settings)
    assert Path(f"{python}.asked").read_text().count("\n") == 1


def test_an_interpreter_that_changed_is_asked_again(bare_machine: Path, settings: Settings) -> None:
    fake_python(bare_machine / "python3", "3.9.7")
    assert versions(find_interpreters(settings))[1:] == ["3.9.7"]
    fake_python(bare_machine / "python3", "3.9.18")
    assert versions(find_interpreters(settings))[1:] == ["3.9.18"]


def test_links_to_one_file_are_one_interpreter(bare_machine: Path, settings: Settings) -> None:
    python = fake_python(bare_machine / "python3.9")
    (bare_machine / "python3").symlink_to(python)
    assert len(find_interpreters(settings)) == 2


def test_shims_are_not_run(bare_machine: Path, tmp_path: Path) -> None:
    shim = fake_python(tmp_path / "shims/python3")
    assert candidate_paths((), {**os.environ, "PATH": str(shim.parent)}) == ()


@pytest.mark.parametrize("name", ["PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"])
def test_a_folder_that_cannot_be_read_is_logged_and_left_out(
    bare_machine: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    caplog.set_level("INFO")
    fake_python(bare_machine / "python3")
    unreadable = "/" + "long" * 100  # to the owner of the machine, too
    monkeypatch.setenv(name, unreadable)
    assert versions(find_interpreters(settings))[1:] == ["3.9.7"]
    assert f"no Python is looked for in {unreadable}" in caplog.text


@pytest.mark.parametrize("name", ["PYENV_ROOT", "XDG_DATA_HOME"])
def test_the_home_of_a_user_that_there_is_not_is_left_out(bare_machine: Path, tmp_path: Path, name: str) -> None:
    missing = "~nobody-of-this-name/x"
    assert (
        candidate_paths((missing,), {"PYENV_ROOT": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), name: missing}) == ()
    )


@pytest.mark.parametrize(("version", "implementation"), [("3.7.16", "cpython"), ("3.10.1", "pypy")])
def test_only_cpython_from_3_8_up_counts(
    bare_machine: Path, settings: Settings, version: str, implementation: str
) -> None:
    fake_python(bare_machine / "python3", version, implementation)
    assert len(find_interpreters(settings)) == 1


@pytest.mark.parametrize("script", ["exit 3", "echo no json", "echo '{}'", "echo '[]'"])
def test_what_does_not_answer_is_left_out_and_not_asked_again(
    bare_machine: Path, settings: Settings, script: str
) -> None:
    broken = bare_machine / "python3"
    broken.write_text(f"#!/bin/sh\necho >> {broken}.asked\n{script}\n")
    broken.chmod(0o755)
    assert len(find_interpreters(settings)) == len(find_interpreters(settings)) == 1
    assert Path(f"{broken}.asked").read_text().count("\n") == 1


def test_what_is_remembered_may_be_damaged(bare_machine: Path, settings: Settings) -> None:
    fake_python(bare_machine / "python3")
    settings.cache_dir.mkdir()
    for damage in ("", "[1]", '{"/x": {"unknown": 1}}', '{"/x": 3}'):
        (settings.cache_dir / "interpreters.json").write_text(damage)
        assert versions(find_interpreters(settings))[1:] == ["3.9.7"]


def test_a_cache_that_cannot_be_written_costs_only_time(
    bare_machine: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake_python(bare_machine / "python3")
    (tmp_path / "file").write_text("")
    assert len(find_interpreters(Settings(cache_dir=tmp_path / "file/cache"))) == 2
    assert "cannot be remembered" in caplog.text


def test_every_python_found_here_is_what_it_says(pythons: tuple[Interpreter, ...]) -> None:
    for interpreter in pythons[1:]:
        code = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix == sys.base_prefix)"
        said = subprocess.run([interpreter.path, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
        assert said.split() == [interpreter.minor, "True"]


def test_the_newest_that_fits_is_chosen() -> None:
    assert choose_interpreter(VersionReq(">=3.8, <3.11"), [OLD, NEW]) == NEW
    assert choose_interpreter(VersionReq("=3.9"), [OLD, NEW]) == OLD
    assert choose_interpreter(VersionReq("=3.12"), [OLD, NEW]) is None


def test_the_running_python_is_preferred_to_a_newer_one() -> None:
    running, newer = running_interpreter(), Interpreter(Path("/newest"), "3.99.0")
    assert choose_interpreter(VersionReq(">=3.8"), [newer, running]) == running


def test_a_missing_python_is_reported_with_what_there_is_and_what_to_do(settings: Settings) -> None:
    with pytest.raises(InterpreterNotFoundError) as caught:
        ensure_interpreter(VersionReq("=3.14.99"), settings)
    message = str(caught.value)
    assert "=3.14.99" in message
    assert running_interpreter().version in message
    for remedy in (
        "uv python install 3.",
        "UV_PYTHON_INSTALL_MIRROR",
        "UV_PYTHON_DOWNLOADS_JSON_URL",
        "CARTON_INTERPRETERS",
    ):
        assert remedy in message


@pytest.mark.parametrize(
    ("requirement", "command"),
    [
        (">=3.8", "uv python install 3.14"),
        ("=3.99", "uv python install 3.99"),
        ("=3.14.99", "uv python install 3.14.99"),
        ("=3.8.999", "uv python install 3.8.999"),
        (">3.98, <4", "uv python install 3.99"),
        ("=4", "uv python install 4.0"),
    ],
)
def test_the_command_that_gets_a_python_can_be_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, requirement: str, command: str
) -> None:
    monkeypatch.setattr(interpreters, "choose_interpreter", lambda *_: None)
    with pytest.raises(InterpreterNotFoundError) as caught:
        ensure_interpreter(VersionReq(requirement), settings)
    assert f"run `{command}`" in str(caught.value)


@pytest.mark.parametrize("requirement", ["=3.6", "<3.8", "=2.7"])
def test_a_python_that_is_too_old_is_said_to_be_so_and_not_downloaded(settings: Settings, requirement: str) -> None:
    with pytest.raises(InterpreterNotFoundError, match=r"Carton needs Python 3\.8 or newer") as caught:
        ensure_interpreter(VersionReq(requirement), replace(settings, python_downloads=True))
    assert "uv python install" not in str(caught.value)


def test_offline_nothing_is_downloaded(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed_but_offline = Settings(cache_dir=settings.cache_dir, offline=True)
    with pytest.raises(InterpreterNotFoundError, match="offline"):
        ensure_interpreter(VersionReq("=3.14.99"), allowed_but_offline)


@pytest.mark.skipif(sys.platform != "linux" or not libc_ver()[0], reason="names its download for Linux with glibc")
def test_a_missing_python_is_downloaded_when_the_settings_allow_it(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path / "python/bin/python3.9", "3.9.99")
    fake_python(tmp_path / "python/bin/python3", "3.9.99")
    (tmp_path / "python/lib/python3.9").mkdir(parents=True)
    (tmp_path / "python/lib/python3.9/_sysconfigdata__linux_.py").write_text(SYSCONFIGDATA)
    archive = tmp_path / "python.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(tmp_path / "python", "python")
    key = f"cpython-3.9.99-linux-{machine()}-gnu"
    place = {"url": archive.as_uri(), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}
    system = {"arch": {"family": machine(), "variant": None}, "os": "linux", "libc": "gnu", "variant": None}
    version = {"name": "cpython", "major": 3, "minor": 9, "patch": 99, "prerelease": "", "build": "20260101"}
    (tmp_path / "downloads.json").write_text(json.dumps({key: version | system | place}))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", (tmp_path / "downloads.json").as_uri())
    found = ensure_interpreter(VersionReq("=3.9"), Settings(cache_dir=tmp_path / "cache"))
    assert found.version == "3.9.99"
    assert any((tmp_path / "UV_PYTHON_INSTALL_DIR").iterdir())


@pytest.mark.usefixtures("bare_machine")
def test_a_download_that_fails_is_reported_in_uvs_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", (tmp_path / "missing.json").as_uri())
    with pytest.raises(InterpreterNotFoundError, match=r"missing\.json") as caught:
        ensure_interpreter(VersionReq("=3.9"), Settings(cache_dir=tmp_path / "cache"))
    assert "CARTON_INTERPRETERS" in str(caught.value)


def test_free_threaded_builds_and_other_implementations_are_not_downloaded() -> None:
    def entry(version: str, **changes: str) -> dict[str, object]:
        parts = dict(zip(("major", "minor", "patch"), map(int, version.split(".")), strict=True))
        usual = {"key": f"cpython-{version}", "implementation": "cpython", "variant": "default"}
        return {"version": version, "version_parts": parts, **usual, **changes}

    listed = [
        entry("3.14.9", variant="freethreaded"),
        entry("3.14.8", implementation="pypy"),
        entry("3.9.20"),
        entry("3.14.2"),
        entry("3.14.1"),
    ]
    assert newest_download(VersionReq(">=3.8"), listed) == "cpython-3.14.2"
    assert newest_download(VersionReq("=3.8"), listed) is None


def test_free_threaded_interpreters_say_so() -> None:
    answer = subprocess.run([sys.executable, "-I", "-c", inspection._ORACLE], capture_output=True, check=True).stdout
    assert json.loads(answer)["implementation"] == "cpython"
    pretending = "import sys; sys.abiflags = 't'\n" + inspection._ORACLE
    answer = subprocess.run([sys.executable, "-I", "-c", pretending], capture_output=True, check=True).stdout
    assert json.loads(answer)["implementation"] == "cpython-freethreaded"
