"""Models that fail on purpose, loaded for one test and closed whatever it does."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fix_models import CodeDir, options_for

import carton_runtime as carton
from carton_runtime import background
from carton_runtime.catalog.discover import discover, search_paths
from carton_runtime.runner_kernels import heartbeat
from carton_runtime.runner_kernels.cancelling import CancelLimits
from carton_runtime.runner_kernels.kernel import Kernel
from carton_runtime.runner_kernels.spec import KernelSpec
from carton_runtime.testing.doubles import FAULTY_MODEL, faulty_options

PATIENCE = 20.0  # seconds; generous, since machines are slow at times

QUICK_LIMITS = CancelLimits(told=0.2, interrupted=0.5)

Load = Callable[..., Awaitable[carton.Carton]]
Start = Callable[..., Awaitable[Kernel]]


@pytest.fixture(autouse=True)
def _leaves_nothing(nothing_left: object) -> None:
    """See `carton_runtime.testing.plugin`."""


@pytest.fixture
async def load(_leaves_nothing: None) -> AsyncIterator[Load]:
    """Loads the faulty model: takes `faulty_options`' arguments, and keywords of `load_unpacked`."""
    async with AsyncExitStack() as stack:

        async def load(*fault: Any, only_if: Path | None = None, **options: Any) -> carton.Carton:
            options = faulty_options(*fault, only_if=only_if) | options
            model = await carton.load_unpacked(FAULTY_MODEL, **options)
            stack.push_async_callback(model.aclose)
            return model

        yield load


@pytest.fixture
async def model(load: Load) -> carton.Carton:
    """The faulty model, whose calls fail as their inputs say."""
    return await load()


@pytest.fixture
async def load_code(_leaves_nothing: None, code_dir: CodeDir) -> AsyncIterator[Load]:
    """Loads a model from the text of its ``main.py``, with keywords of `load_unpacked`."""
    async with AsyncExitStack() as stack:

        async def load(source: str, **options: Any) -> carton.Carton:
            model = await carton.load_unpacked(code_dir(source), **options_for(options))
            stack.push_async_callback(model.aclose)
            return model

        yield load


@pytest.fixture
def python_runner() -> Path:
    """The ``main.py`` of the `python` runner."""
    entries = discover(search_paths(carton.Settings.load())).entries
    return next(entry.path / "main.py" for entry in entries if entry.name == "python")


@pytest.fixture
async def start(_leaves_nothing: None, python_runner: Path, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts bare kernels of the faulty model, without an environment of their own."""
    async with AsyncExitStack() as stack:

        async def start(python: Path | str = sys.executable, *fault: Any, **fields: Any) -> Kernel:
            kernel = await background.run(Kernel.start(faulty_spec(python_runner, tmp_path, python, *fault, **fields)))
            stack.push_async_callback(lambda: background.run(kernel.aclose(0)))
            return kernel

        yield start


def faulty_spec(runner: Path, folder: Path, python: Path | str, *fault: Any, **fields: Any) -> KernelSpec:
    model_dir = folder / "_carton_model_module"
    if not model_dir.is_symlink():
        model_dir.symlink_to(FAULTY_MODEL)
    options = faulty_options(*fault)["runner_opts"]
    return KernelSpec(name="faulty", python=Path(python), runner=runner, model_dir=model_dir, options=options, **fields)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience everywhere, so that a test of what happens at its end need not wait for so long."""
    monkeypatch.setattr(heartbeat, "BEAT", 0.1)
    monkeypatch.setattr(heartbeat, "_LONGEST_STOP", 0.5)
    monkeypatch.setattr("carton_runtime.runner_kernels.greeting._START_LIMIT", 2.0)
    monkeypatch.setattr("carton_runtime.runner_kernels.kernel.CancelLimits", lambda: QUICK_LIMITS)
    monkeypatch.setattr(Kernel.aclose, "__defaults__", (1.0,))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """SIGINT interrupts, also where a shell has had it ignored since it runs us in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


async def settled(is_so: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Wait until something that nobody announces is so."""
    async with asyncio.timeout(patience):
        while not is_so():  # noqa: ASYNC110  the model tells it by a file, or the system by /proc
            await asyncio.sleep(0.005)
