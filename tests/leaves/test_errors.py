"""The tree of errors."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from collections.abc import Callable

import pytest

import carton_runtime
from carton_runtime import errors
from carton_runtime.errors import (
    CartonError,
    EnvironmentBuildError,
    FormatError,
    KernelDiedError,
    ModelError,
    RunnerNotFoundError,
)

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and value.__module__ == errors.__name__]


def drawn() -> list[tuple[str, str]]:
    """The (class, parent) pairs of the tree in the module's docstring."""
    pairs = [("CartonError", "Exception")]
    ancestors = {0: "CartonError"}
    for indent, name in re.findall(r"^    ([│ ]*)[├└]── (\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 4
        pairs.append((name, ancestors[depth]))
        ancestors[depth + 1] = name
    return pairs


def test_the_tree_is_as_the_docstring_draws_it() -> None:
    assert sorted(drawn()) == sorted((cls.__name__, cls.__bases__[0].__name__) for cls in CLASSES)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_is_exported(cls: type[CartonError]) -> None:
    assert getattr(carton_runtime, cls.__name__) is cls
    assert cls.__name__ in carton_runtime.__all__


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_says_what_it_means(cls: type[CartonError]) -> None:
    assert cls.__doc__


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("InvalidTensorError", ValueError),
        ("InvalidDeviceError", ValueError),
        ("SettingsError", ValueError),
        ("FormatError", ValueError),
        ("ModelClosedError", RuntimeError),
        ("RunnerNotFoundError", LookupError),
        ("StorageError", OSError),
    ],
)
def test_an_error_is_also_the_builtin_that_one_would_expect(name: str, builtin: type[Exception]) -> None:
    assert issubclass(getattr(errors, name), builtin)


def test_a_missing_interpreter_is_a_missing_runner() -> None:
    assert issubclass(errors.InterpreterNotFoundError, RunnerNotFoundError)


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({}, "wrong"),
        ({"where": "carton.toml: input"}, "carton.toml: input: wrong"),
        ({"where": "carton.toml: input", "line": 3}, "carton.toml: input (line 3): wrong"),
    ],
)
def test_a_format_error_begins_with_its_place(keywords: dict, text: str) -> None:
    error = FormatError("wrong", **keywords)
    assert str(error) == text
    assert (error.where, error.line) == (keywords.get("where", ""), keywords.get("line"))


def test_a_version_requirement_error_has_a_place_too() -> None:
    assert str(errors.VersionReqError("wrong", where="runner.version")) == "runner.version: wrong"


def test_a_build_error_carries_the_command_and_ends_with_its_words() -> None:
    error = EnvironmentBuildError("uv failed", command=["uv", "pip"], stderr="no such package")
    assert error.command == ("uv", "pip")
    assert error.stderr == "no such package"
    assert str(error) == "uv failed\nno such package"


def test_a_model_error_carries_what_was_raised_and_ends_with_the_traceback() -> None:
    error = ModelError("it raised", remote_type="ValueError", remote_traceback="Traceback …")
    assert (error.remote_type, error.remote_traceback) == ("ValueError", "Traceback …")
    assert str(error) == "it raised\n\nTraceback …"


def test_a_death_carries_the_process_and_ends_with_its_last_output() -> None:
    error = KernelDiedError("it ended", pid=7, exit_code=-9, log=["one", "two"])
    assert (error.pid, error.exit_code, error.log) == (7, -9, ("one", "two"))
    assert str(error) == "it ended\nIts last output:\none\ntwo"


@pytest.mark.parametrize(
    "error", [EnvironmentBuildError("plain"), ModelError("plain"), KernelDiedError("plain", pid=1, exit_code=None)]
)
def test_an_error_that_knows_nothing_more_is_its_message(error: CartonError) -> None:
    assert str(error) == "plain"


def _pickled(error: Exception) -> Exception:
    return pickle.loads(pickle.dumps(error))  # noqa: S301  our own


@pytest.mark.parametrize("again", [copy.copy, _pickled], ids=["copy", "pickle"])
@pytest.mark.parametrize(
    "error",
    [
        errors.KernelDiedError("it died", pid=3, exit_code=-9, log=["last"], cause="killed", peak_memory=5),
        errors.ModelError("it raised", remote_type="ValueError", remote_traceback="Traceback …"),
        errors.FormatError("bad", where="carton.toml: input", line=4),
        errors.EnvironmentBuildError("no", command=["uv"], stderr="why"),
        errors.StorageError("no such file"),
        errors.CallTimeoutError("too long"),
        errors.LoadTimeoutError("too long"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_copied_and_pickled_whole(error: Exception, again: Callable[[Exception], Exception]) -> None:
    twin = again(error)
    assert type(twin) is type(error)
    assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))
