"""Locking requirements."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from environments.conftest import BACKEND, Events, Shelf
from packaging.pylock import Pylock

from carton_runtime.environments.interpreters import Interpreter
from carton_runtime.environments.lock import Lock, lock_requirements
from carton_runtime.environments.targets import Target
from carton_runtime.errors import EnvironmentBuildError, IntegrityError
from carton_runtime.settings import Settings


def names(lock: Lock) -> set[str]:
    return {str(package.name) for package in pylock(lock).packages}


def pylock(lock: Lock) -> Pylock:
    return Pylock.from_dict(tomllib.loads(lock.pylock.decode()))


def unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")


def original(lock: Lock) -> dict[str, object]:
    return tomllib.loads(lock.carton_lock.decode())


def test_numpy_is_locked_with_the_requirements(shelf: Shelf, settings: Settings, python: Interpreter) -> None:
    shelf.wheel("inner")
    shelf.wheel("outer", requires=["inner"])
    assert names(lock_requirements("outer\n", [python.minor], settings)) == {"outer", "inner", "numpy"}


def test_empty_requirements_are_legal(settings: Settings, python: Interpreter) -> None:
    lock = lock_requirements("", [python.minor], settings)
    assert names(lock) == {"numpy"}
    assert original(lock)["orig_deps_hash"] == hashlib.sha256(b"").hexdigest()


def test_wheels_of_this_machine_are_bundled_and_named_by_relative_paths(
    shelf: Shelf, settings: Settings, python: Interpreter
) -> None:
    wheel = shelf.wheel("mine")
    lock = lock_requirements("mine", [python.minor], settings)
    path = f"bundled_wheels/{hashlib.sha256(wheel.read_bytes()).hexdigest()}/{wheel.name}"
    assert lock.bundled[path] == wheel
    assert [w.path for package in pylock(lock).packages if package.name == "mine" for w in package.wheels or ()] == [
        path
    ]
    assert str(shelf.folder).encode() not in lock.pylock + lock.carton_lock


def test_the_originals_lock_has_an_entry_for_each_python_on_this_platform(shelf: Shelf, settings: Settings) -> None:
    shelf.wheel("mine")
    lock = lock_requirements("mine", ["3.9", "3.12"], settings)
    entries = original(lock)["lockfile"]
    assert isinstance(entries, list)
    assert [entry.pop("python_version") for entry in entries] == ["3.9", "3.12"]
    for entry in entries:
        dependencies = entry.pop("locked_deps")
        assert entry == {
            name: Target("3.9", "3.9.0").markers[name]
            for name in ("os_name", "sys_platform", "platform_machine", "platform_python_implementation")
        }
        assert {Path(dependency["bundled_whl_path"]).name.split("-")[0] for dependency in dependencies} == {
            "mine",
            "numpy",
        }
        for dependency in dependencies:
            assert dependency["bundled_whl_path"].startswith(f".carton/bundled_wheels/{dependency['sha256']}/")


def test_the_lock_says_for_which_pythons_it_is(settings: Settings) -> None:
    lock = pylock(lock_requirements("", ["3.9", "3.12"], settings))
    environments = lock.environments or ()
    assert [str(marker) for marker in environments] == ['python_version == "3.9"', 'python_version == "3.12"']


def test_pythons_without_a_solution_are_left_out(shelf: Shelf, settings: Settings) -> None:
    shelf.wheel("picky", tag="cp310-none-any")
    lock = lock_requirements("picky", ["3.9", "3.10", "3.11"], settings)
    assert [str(marker) for marker in pylock(lock).environments or ()] == ['python_version == "3.10"']
    assert len(original(lock)["lockfile"]) == 1  # type: ignore[arg-type]


def test_wheels_of_other_pythons_are_not_bundled(shelf: Shelf, settings: Settings) -> None:
    for minor in ("39", "310", "311"):
        shelf.wheel("compiled", tag=f"cp{minor}-none-any")
    lock = lock_requirements("compiled", ["3.10"], settings)
    assert [path.name for path in lock.bundled.values() if path.name.startswith("compiled")] == [
        "compiled-1.0-cp310-none-any.whl"
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="uses a wheel for Linux")
def test_a_package_for_this_platform_only_limits_the_lock_to_it(shelf: Shelf, settings: Settings) -> None:
    tag = Target("3.10", "3.10.0").tags[0]
    shelf.wheel("local", tag=str(tag))
    lock = lock_requirements("local", ["3.10"], settings)
    assert "local" in names(lock)
    assert any(path.name.startswith("local-") for path in lock.bundled.values())


def test_what_comes_as_source_only_is_built_and_bundled(
    shelf: Shelf, settings: Settings, python: Interpreter, events: Events
) -> None:
    shelf.source("raw")
    lock = lock_requirements("raw", [python.minor], settings, events.append)
    built = next(path for path in lock.bundled.values() if path.name == "raw-1.0-py3-none-any.whl")
    assert built.is_relative_to(settings.cache_dir)
    assert any("Building raw 1.0" in event.message for event in events)
    assert all(package.sdist is None for package in pylock(lock).packages)


def test_a_built_wheel_is_built_once(shelf: Shelf, settings: Settings, python: Interpreter, events: Events) -> None:
    shelf.source("raw")
    first = lock_requirements("raw", [python.minor], settings)
    second = lock_requirements("raw", [python.minor], settings, events.append)
    assert first == second
    assert not any("Building raw" in event.message for event in events)


def test_a_source_that_does_not_build_is_reported_in_its_own_words(
    shelf: Shelf, settings: Settings, python: Interpreter
) -> None:
    broken = "def build_wheel(*_):\n    raise SystemExit('the compiler is on holiday')\n"
    shelf.source("broken", backend=broken)
    with pytest.raises(EnvironmentBuildError, match="the compiler is on holiday") as caught:
        lock_requirements("broken", [python.minor], settings)
    assert caught.value.command[0] == "uv"
    assert "holiday" in caught.value.stderr


def test_pythons_that_cannot_build_a_source_are_left_out(
    shelf: Shelf, settings: Settings, python: Interpreter, events: Events
) -> None:
    shelf.source("raw", backend=BACKEND.replace("py3-none-any", python.minor.replace("3.", "cp3") + "-none-any"))
    lock = lock_requirements("raw", [python.minor, "3.14"], replace(settings, interpreters=()), events.append)
    assert [str(marker) for marker in pylock(lock).environments or ()] == [f'python_version == "{python.minor}"']
    assert any("Python 3.14 is left out" in event.message for event in events)


def test_a_folder_beside_the_requirements_is_built_and_bundled(
    shelf: Shelf, settings: Settings, python: Interpreter, tmp_path: Path
) -> None:
    unpack(shelf.source("helper"), tmp_path)
    lock = lock_requirements("./helper-1.0\n", [python.minor], settings, directory=tmp_path)
    assert "helper-1.0-py3-none-any.whl" in {path.name for path in lock.bundled.values()}
    assert str(tmp_path).encode() not in lock.pylock


def test_requirements_may_name_a_wheel_beside_them(
    shelf: Shelf, settings: Settings, python: Interpreter, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    wheel = shelf.wheel("beside").rename(tmp_path / "code/beside-1.0-py3-none-any.whl")
    lock = lock_requirements(f"./{wheel.name}\n", [python.minor], settings, directory=wheel.parent)
    assert wheel in [path.resolve() for path in lock.bundled.values()]


def test_requirements_that_do_not_resolve_are_reported_in_uvs_words(settings: Settings, python: Interpreter) -> None:
    with pytest.raises(EnvironmentBuildError, match="nosuchpackage"):
        lock_requirements("nosuchpackage==7", [python.minor], settings)
    with pytest.raises(EnvironmentBuildError, match="nosuchpackage"):
        lock_requirements("nosuchpackage==7", ["3.9", python.minor], settings)


def test_requirements_that_contradict_each_other_are_reported(
    shelf: Shelf, settings: Settings, python: Interpreter
) -> None:
    shelf.wheel("inner", "1.0")
    shelf.wheel("outer", requires=["inner>=2"])
    with pytest.raises(EnvironmentBuildError, match="inner"):
        lock_requirements("outer\ninner", [python.minor], settings)


def test_no_python_at_all_is_refused(settings: Settings) -> None:
    with pytest.raises(EnvironmentBuildError, match=r"3\.8 to 3\.14"):
        lock_requirements("", [], settings)


def test_offline_the_shelf_suffices(shelf: Shelf, settings: Settings, python: Interpreter) -> None:
    shelf.wheel("mine")
    assert "mine" in names(lock_requirements("mine", [python.minor], replace(settings, offline=True)))


def test_a_project_around_the_requirements_does_not_count(
    shelf: Shelf, settings: Settings, python: Interpreter, tmp_path: Path
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/pyproject.toml").write_text('[tool.uv]\nconstraint-dependencies = ["mine<1"]\n')
    shelf.wheel("mine")
    assert "mine" in names(lock_requirements("mine", [python.minor], settings, directory=tmp_path / "code"))


def test_version_control_is_refused_with_a_remedy(
    shelf: Shelf, settings: Settings, python: Interpreter, tmp_path: Path
) -> None:
    unpack(shelf.source("tracked"), tmp_path)
    repository = tmp_path / "tracked-1.0"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-C", str(repository)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], check=True)
    with pytest.raises(EnvironmentBuildError, match="CARTON_FIND_LINKS"):
        lock_requirements(f"tracked @ git+{repository.as_uri()}", [python.minor], settings)


def test_a_source_that_changed_on_the_way_is_refused(
    shelf: Shelf, settings: Settings, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carton_runtime.environments.wheels.file_sha256", lambda _path: "0" * 64)
    shelf.source("raw")
    with pytest.raises(IntegrityError, match="raw"):
        lock_requirements("raw", [python.minor], settings)


def test_wheels_on_the_web_are_named_by_url_and_not_bundled(
    shelf: Shelf, web: Callable[[], Settings], python: Interpreter
) -> None:
    shelf.wheel("mine")
    lock = lock_requirements("mine", [python.minor], web())
    assert lock.bundled == {}
    for text in (lock.pylock.decode(), lock.carton_lock.decode()):
        assert "http://127.0.0.1" in text
        assert "mine-1.0-py3-none-any.whl" in text


def test_a_source_on_the_web_is_fetched_built_and_bundled(
    shelf: Shelf, web: Callable[[], Settings], python: Interpreter
) -> None:
    shelf.source("raw")
    lock = lock_requirements("raw", [python.minor], web())
    assert [path.name for path in lock.bundled.values()] == ["raw-1.0-py3-none-any.whl"]


def test_offline_a_source_on_the_web_is_not_fetched(
    shelf: Shelf, web: Callable[[], Settings], python: Interpreter
) -> None:
    shelf.source("raw")
    settings = web()
    lock_requirements("raw", [python.minor], settings)
    shutil.rmtree(settings.cache_dir)
    with pytest.raises(EnvironmentBuildError, match="offline"):
        lock_requirements("raw", [python.minor], replace(settings, offline=True))


def test_a_source_that_is_gone_is_reported_by_its_url(
    shelf: Shelf, web: Callable[[], Settings], python: Interpreter
) -> None:
    source = shelf.source("raw")
    settings = web()
    lock_requirements("raw", [python.minor], settings)
    shutil.rmtree(settings.cache_dir)
    source.unlink()
    with pytest.raises(EnvironmentBuildError, match=r"raw-1\.0\.tar\.gz"):
        lock_requirements("raw", [python.minor], settings)


def test_the_steps_are_told(settings: Settings, python: Interpreter, events: Events) -> None:
    lock_requirements("", [python.minor], settings, events.append)
    assert events.finished() == ["environment.lock"]


def test_a_lock_of_several_targets_names_each_wheel_once(shelf: Shelf, settings: Settings) -> None:
    shelf.wheel("mine")
    lock = lock_requirements("mine", ("3.9", "3.10", "3.11"), settings)
    assert all(len(package.wheels or ()) == 1 for package in pylock(lock).packages)
