"""Models: their code, cartons of them, and loaded ones, which are closed whatever a test does."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import carton_runtime as carton
from carton_runtime.environments.interpreters import find_interpreters

HOST_VERSION = f"=3.{sys.version_info.minor}"
"""The Python that every machine has: the one that runs the tests."""

Sources = Mapping[str, str | bytes] | str
CodeDir = Callable[..., Path]
Packed = Callable[..., Path]

DOUBLE = """
class Model:
    def infer_with_tensors(self, tensors):
        return {"out": tensors["x"] * 2}

def get_model():
    return Model()
"""
"""Seed 000's model, without its option."""

WAITING = """
import time

class Model:
    def infer_with_tensors(self, tensors):
        if "pipe" in tensors:
            # The other end sees that we run, and then the end of file when we are stopped.
            with open(str(tensors["pipe"]), "w") as pipe:
                print("running", file=pipe, flush=True)
                time.sleep(600)
        return {"out": tensors["x"] * 2}

def get_model():
    return Model()
"""
"""Doubles ``x``, but waits to be stopped where it is given a named pipe."""

SLOW = """
import os, time

def get_model():
    # The other end sees our process id, then nothing, and then the end of file when we are gone.
    pipe = open({pipe!r}, "w")
    print(os.getpid(), file=pipe, flush=True)
    time.sleep(600)
"""
"""Takes long to load; to be formatted with the path of a named ``pipe``."""

FUNCTION = """
class Model:
    def infer_with_tensors(self, tensors):
        return run(tensors)

def get_model():
    return Model()
"""
"""Makes a model of a function ``run(tensors)`` that stands before it."""


@pytest.fixture(scope="session")
def code_dir(tmp_path_factory: pytest.TempPathFactory) -> CodeDir:
    """Makes a folder of code: from file names and texts, or from the text of ``main.py`` alone."""

    def make(sources: Sources = DOUBLE) -> Path:
        folder = tmp_path_factory.mktemp("code")
        files = {"main.py": sources} if isinstance(sources, str) else sources
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
        return folder

    return make


def options_for(options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` over those that a model of ours needs at least; `opts` adds to the runner's options."""
    opts = {"entrypoint_package": "main", "entrypoint_fn": "get_model", **options.get("opts", {})}
    least = {"runner_name": "python", "required_framework_version": HOST_VERSION, "runner_opts": opts}
    return least | {name: value for name, value in options.items() if name != "opts"}


@pytest.fixture(scope="session")
def packed(code_dir: CodeDir, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Packs a model, given as a folder or as for `code_dir`, with the keywords of `pack`; gives the carton's path."""

    def make(sources: Sources | Path = DOUBLE, **options: Any) -> Path:
        folder = sources if isinstance(sources, Path) else code_dir(sources)
        output = tmp_path_factory.mktemp("packed") / "model.carton"
        return carton.sync.pack(folder, output_path=output, **options_for(options))

    return make


@pytest.fixture(scope="session")
def double_carton(packed: Packed) -> Path:
    """A carton whose model doubles ``x``. Do not change it."""
    return packed(DOUBLE)


class Loader:
    """Loads models and closes them all."""

    def __init__(self, stack: ExitStack, packed: Packed) -> None:
        self._stack = stack
        self._packed = packed

    def __call__(self, location: Path | str, **options: Any) -> carton.Carton:
        """The model of a carton."""
        return self._stack.enter_context(carton.sync.load(location, **options)).asynchronous

    def unpacked(self, folder: Path, **options: Any) -> carton.Carton:
        """The model in a folder of code."""
        return self._stack.enter_context(carton.sync.load_unpacked(folder, **options_for(options))).asynchronous

    def code(self, sources: Sources | Path = DOUBLE, **options: Any) -> carton.Carton:
        """A model that is packed for this, and loaded."""
        return self(self._packed(sources, **options))

    def function(self, source: str, **options: Any) -> carton.Carton:
        """A model made of the text of a function ``run(tensors)``."""
        return self.code(textwrap.dedent(source) + FUNCTION, **options)


@pytest.fixture
def loaded(packed: Packed) -> Iterator[Loader]:
    """Loads models for one test."""
    with ExitStack() as stack:
        yield Loader(stack, packed)


@pytest.fixture(scope="module")
def module_loaded(packed: Packed) -> Iterator[Loader]:
    """Loads models that the tests of one file share."""
    with ExitStack() as stack:
        yield Loader(stack, packed)


@pytest.fixture(scope="session")
def python_here() -> Callable[[str], str]:
    """Skips the test unless this machine has that Python, such as ``3.8``; gives the version requirement for it."""
    found = {interpreter.minor for interpreter in find_interpreters(carton.Settings.load())}

    def require(minor: str) -> str:
        if minor not in found:
            pytest.skip(f"this machine has no Python {minor}; it has {', '.join(sorted(found))}")
        return f"={minor}"

    return require
