"""Building environments."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from environments.conftest import Events, Shelf

from carton_runtime.environments.interpreters import Interpreter
from carton_runtime.environments.lock import lock_requirements
from carton_runtime.environments.store import BuiltEnvironment, bare_environment, ensure_environment
from carton_runtime.errors import EnvironmentBuildError
from carton_runtime.settings import Settings
from carton_runtime.storage.locks import FILE, lock_blocking

MakeModel = Callable[..., Path]

BUILDER = """
import sys
from pathlib import Path
from carton_runtime.environments.store import bare_environment
from carton_runtime.environments.interpreters import Interpreter
from carton_runtime.settings import Settings
from carton_runtime.storage.locks import FILE, lock_blocking

data, shelf, index, python, version = sys.argv[1:]
settings = Settings(runner_data_dir=Path(data), find_links=(shelf,), index_url=index)
print("ready", flush=True)
sys.stdin.read()
print(bare_environment(Interpreter(Path(python), version), settings).was_built)
"""


@pytest.fixture
def make_model(tmp_path: Path, settings: Settings, python: Interpreter) -> MakeModel:
    """Makes a model directory with a lock, as packing does."""

    def make(requirements: str, *minors: str) -> Path:
        folder = tmp_path / "model"
        (folder / ".carton").mkdir(parents=True)
        (folder / "requirements.txt").write_text(requirements)
        lock = lock_requirements(requirements, minors or (python.minor,), settings)
        (folder / ".carton/pylock.toml").write_bytes(lock.pylock)
        (folder / ".carton/carton.lock").write_bytes(lock.carton_lock)
        for path, file in lock.bundled.items():
            (folder / ".carton" / path).parent.mkdir(parents=True)
            shutil.copyfile(file, folder / ".carton" / path)
        return folder

    return make


def imported(environment: BuiltEnvironment, expression: str) -> str:
    code = f"import {expression.split('.', maxsplit=1)[0]}; print({expression})"
    return subprocess.run(
        [environment.python, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def leftovers(settings: Settings) -> list[str]:
    """What is in the store besides environments and their lock files."""
    folder = settings.runner_data_dir / "python/environments"
    names = [path.name for path in folder.iterdir()] if folder.exists() else []
    return [name for name in names if name.startswith(".") and not name.endswith(".lock")]


def test_a_locked_model_gets_its_packages_from_the_carton_alone(
    shelf: Shelf, settings: Settings, python: Interpreter, make_model: MakeModel, events: Events, tmp_path: Path
) -> None:
    shelf.wheel("mine", "1.5")
    shelf.source("raw")
    model = make_model("mine\nraw\n")
    shutil.rmtree(shelf.folder)
    alone = replace(settings, find_links=(), index_url=None, offline=True)
    built = ensure_environment(model.rename(tmp_path / "elsewhere"), python, alone, events.append)
    assert built.was_built
    assert imported(built, "mine.__version__") == "1.5"
    assert imported(built, "raw.origin") == "source"
    assert imported(built, "numpy.__version__") == "9.0"
    assert events.finished() == ["environment.create", "environment.install", "environment.check"]


def test_the_second_time_nothing_happens(
    shelf: Shelf, settings: Settings, python: Interpreter, make_model: MakeModel, events: Events
) -> None:
    model = make_model("")
    first = ensure_environment(model, python, settings)
    start = time.perf_counter()
    second = ensure_environment(model, python, settings, events.append)
    elapsed = time.perf_counter() - start
    assert (second.python, second.digest, second.was_built) == (first.python, first.digest, False)
    assert events == []
    assert elapsed < 0.05  # 0.1 ms here; the slack is for a busy machine


def test_an_environment_lives_in_the_runners_data_under_its_digest(settings: Settings, python: Interpreter) -> None:
    built = bare_environment(python, settings)
    assert built.python == settings.runner_data_dir / "python/environments" / built.digest / "bin/python"


def test_the_environment_runs_the_interpreter_that_was_asked_for(settings: Settings, other_python: Interpreter) -> None:
    built = bare_environment(other_python, settings)
    assert imported(built, "sys.version.split()[0]") == other_python.version
    assert imported(built, "numpy.__version__") == "9.0"


def test_each_interpreter_has_its_own(settings: Settings, python: Interpreter, other_python: Interpreter) -> None:
    assert bare_environment(python, settings).digest != bare_environment(other_python, settings).digest


def test_the_originals_lock_is_used_when_ours_is_missing(
    shelf: Shelf, settings: Settings, python: Interpreter, make_model: MakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.wheel("mine", "1.5")
    model = make_model("mine")
    (model / ".carton/pylock.toml").unlink()
    shelf.wheel("mine", "2.0")
    assert imported(ensure_environment(model, python, settings), "mine.__version__") == "1.5"
    assert caplog.record_tuples == []


def test_the_originals_lock_is_used_when_ours_is_for_another_python(
    shelf: Shelf, settings: Settings, python: Interpreter, other_python: Interpreter, make_model: MakeModel
) -> None:
    shelf.wheel("mine", "1.5")
    model = make_model("mine")
    own = (model / ".carton/carton.lock").read_text()
    (model / ".carton/carton.lock").write_text(own.replace(f'"{python.minor}"', f'"{other_python.minor}"'))
    shelf.wheel("mine", "2.0")
    assert imported(ensure_environment(model, other_python, settings), "mine.__version__") == "1.5"


def test_numpy_is_added_to_a_lock_of_the_original_that_lacks_it(
    shelf: Shelf, settings: Settings, python: Interpreter, make_model: MakeModel
) -> None:
    model = make_model("")
    (model / ".carton/pylock.toml").unlink()
    (model / ".carton/carton.lock").write_text('orig_deps_hash = ""\n[[lockfile]]\nlocked_deps = []\n')
    assert imported(ensure_environment(model, python, settings), "numpy.__version__") == "9.0"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda folder: shutil.rmtree(folder / ".carton"), "there is no .carton/pylock.toml"),
        (lambda folder: shutil.rmtree(folder / ".carton/bundled_wheels"), "is missing"),
        (lambda folder: [file.write_text("[") for file in (folder / ".carton").glob("*lock*")], "not TOML"),
    ],
    ids=["no lock", "no bundled wheels", "damaged locks"],
)
def test_without_a_usable_lock_the_requirements_are_resolved_anew_and_that_is_said(
    shelf: Shelf,
    settings: Settings,
    python: Interpreter,
    make_model: MakeModel,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], object],
    why: str,
) -> None:
    shelf.wheel("mine", "1.5")
    model = make_model("mine")
    damage(model)
    shelf.wheel("mine", "2.0")
    assert imported(ensure_environment(model, python, settings), "mine.__version__") == "2.0"
    [(_, level, message)] = caplog.record_tuples
    assert level == logging.WARNING
    assert why in message


def test_a_model_without_requirements_has_numpy_alone(
    settings: Settings, python: Interpreter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    built = ensure_environment(tmp_path / "model", python, settings)
    assert built.digest == bare_environment(python, settings).digest
    assert caplog.record_tuples == []


def test_wheels_come_from_the_urls_in_the_lock(
    shelf: Shelf, settings: Settings, web: Callable[[], Settings], python: Interpreter, tmp_path: Path
) -> None:
    shelf.wheel("mine", "3.0")
    lock = lock_requirements("mine", [python.minor], web())
    (tmp_path / "model/.carton").mkdir(parents=True)
    (tmp_path / "model/.carton/pylock.toml").write_bytes(lock.pylock)
    no_index = replace(settings, find_links=(), index_url=None)
    assert imported(ensure_environment(tmp_path / "model", python, no_index), "mine.__version__") == "3.0"


@pytest.mark.parametrize("mirrored", [True, False])
def test_an_index_of_the_users_serves_what_the_urls_in_the_lock_cannot(
    shelf: Shelf,
    settings: Settings,
    python: Interpreter,
    make_model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
    mirrored: bool,
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    shelf.wheel("mirrored", "3.0")
    model = make_model("mirrored")
    lock = model / ".carton/pylock.toml"
    lock.write_text(
        re.sub(r'path = "bundled_wheels/\w+/mirrored', 'url = "http://127.0.0.1:9/mirrored', lock.read_text())
    )
    if mirrored:
        assert imported(ensure_environment(model, python, settings), "mirrored.__version__") == "3.0"
        return
    with pytest.raises(EnvironmentBuildError, match=r"127\.0\.0\.1:9"):
        ensure_environment(model, python, replace(settings, find_links=(), index_url=None))
    assert leftovers(settings) == []


def test_nothing_is_built_from_source_at_load(
    shelf: Shelf, settings: Settings, python: Interpreter, tmp_path: Path
) -> None:
    shelf.source("raw")
    (tmp_path / "requirements.txt").write_text("raw\n")
    with pytest.raises(EnvironmentBuildError, match="raw"):
        ensure_environment(tmp_path, python, settings)
    assert leftovers(settings) == []


def test_a_wheel_that_is_not_what_its_hash_promised_is_refused(
    shelf: Shelf, settings: Settings, python: Interpreter, make_model: MakeModel
) -> None:
    shelf.wheel("mine")
    model = make_model("mine")
    wheel = next((model / ".carton/bundled_wheels").glob("*/mine*"))
    wheel.write_bytes(shelf.wheel("mine", "1.0", requires=["evil"]).read_bytes())
    with pytest.raises(EnvironmentBuildError, match=r"(?i)hash"):
        ensure_environment(model, python, settings)
    assert leftovers(settings) == []


def test_an_environment_that_does_not_work_is_not_published(
    shelf: Shelf, settings: Settings, python: Interpreter
) -> None:
    shelf.wheel("numpy", "9.1", code="import nosuchmodule")
    with pytest.raises(EnvironmentBuildError, match="nosuchmodule"):
        bare_environment(python, settings)
    assert leftovers(settings) == []
    shelf.wheel("numpy", "9.2")
    assert bare_environment(python, settings).was_built


def test_requirements_that_do_not_resolve_leave_nothing_behind(
    settings: Settings, python: Interpreter, tmp_path: Path
) -> None:
    (tmp_path / "requirements.txt").write_text("nosuchpackage\n")
    with pytest.raises(EnvironmentBuildError, match="nosuchpackage"):
        ensure_environment(tmp_path, python, settings)
    assert leftovers(settings) == []


def test_an_environment_without_its_interpreter_is_replaced(
    settings: Settings, python: Interpreter, caplog: pytest.LogCaptureFixture
) -> None:
    built = bare_environment(python, settings)
    built.python.unlink()
    built.python.symlink_to("/nowhere/python")
    again = bare_environment(python, settings)
    assert again.was_built
    assert imported(again, "numpy.__version__") == "9.0"
    assert "broken" in caplog.text
    assert leftovers(settings) == []


def test_what_a_killed_builder_left_is_cleared(settings: Settings, python: Interpreter) -> None:
    digest = bare_environment(python, settings).digest
    store = settings.runner_data_dir / "python/environments"
    (store / digest).rename(store / f".building-{digest}")
    assert bare_environment(python, settings).was_built
    assert leftovers(settings) == []


def test_a_place_that_cannot_be_written_is_reported(settings: Settings, python: Interpreter, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentBuildError, match="cannot be written"):
        bare_environment(python, replace(settings, runner_data_dir=tmp_path / "file"))


def test_an_interpreter_that_is_gone_is_reported(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentBuildError, match="gone"):
        bare_environment(Interpreter(tmp_path / "gone", "3.10.0"), settings)


def test_two_processes_at_once_build_one_environment(settings: Settings, python: Interpreter) -> None:
    arguments = [
        settings.runner_data_dir,
        settings.find_links[0],
        settings.index_url or "",
        python.path,
        python.version,
    ]
    command = [sys.executable, "-c", BUILDER, *map(str, arguments)]
    builders = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [builder.stdout.readline() for builder in builders if builder.stdout] == ["ready\n"] * 2
    for builder in builders:
        assert builder.stdin is not None
        builder.stdin.close()
    said = [builder.stdout.read().strip() for builder in builders if builder.stdout]
    for builder in builders:
        with builder:
            assert builder.wait() == 0
    assert sorted(said) == ["False", "True"]
    assert not bare_environment(python, settings).was_built


def test_waiting_for_another_builder_is_told(settings: Settings, python: Interpreter, events: Events) -> None:
    digest = bare_environment(python, settings).digest
    store = settings.runner_data_dir / "python/environments"
    shutil.rmtree(store / digest)
    told = Event()

    def on_event(event: object) -> None:
        events.append(event)  # type: ignore[arg-type]
        told.set()

    waiting = Thread(target=bare_environment, args=(python, settings, on_event))
    with lock_blocking(store / f".{digest}.lock", flags=FILE):
        waiting.start()
        assert told.wait(30)
    waiting.join()
    assert events.finished()[0] == "environment.wait"


def test_real_packages_for_an_old_python(tmp_path: Path, pythons: tuple[Interpreter, ...]) -> None:
    """The one test that needs the network (or uv's cache): the real numpy, with the oldest Python that there is."""
    oldest = pythons[-1]
    settings = Settings(runner_data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    lock = lock_requirements("", [oldest.minor], settings)
    (tmp_path / "model/.carton").mkdir(parents=True)
    (tmp_path / "model/.carton/pylock.toml").write_bytes(lock.pylock)
    assert lock.bundled == {}
    built = ensure_environment(tmp_path / "model", oldest, settings)
    assert imported(built, "numpy.arange(3).sum()") == "3"
