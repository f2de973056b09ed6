"""Finds what a test left behind: processes, descriptors, tasks, threads and temporary files."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from carton_runtime import background
from carton_runtime.kernels import channel

_PATIENCE = 5.0  # seconds that something which is ending already may take
_POOLS = ("asyncio_", "ThreadPoolExecutor")  # the threads of executors stay, to be used again


class LeakDetector:
    """Compares what there is with what there was when it was made.

    Args:
        temporary: the folder that stands for the system's folder of temporary files.
    """

    def __init__(self, temporary: Path) -> None:
        # The loop and the doorbell of this thread stay when they are once there, with descriptors of their own.
        background.run_blocking(asyncio.sleep(0))
        channel._doorbells.of_this_thread()
        self._temporary = temporary
        self._processes = _children()
        self._tasks = _tasks()
        self._threads = _threads()
        self._files = set(temporary.iterdir())
        self._descriptors = _descriptors()

    def found(self, patience: float = _PATIENCE) -> list[str]:
        """What is left, one line each, after waiting for what is about to end."""
        if self._looks_clean():
            return []
        gc.collect()
        processes = psutil.wait_procs(map(psutil.Process, _children() - self._processes), timeout=patience)[1]
        tasks = background.run_blocking(_outlasting(self._tasks, patience))
        threads = _threads() - self._threads
        for thread in threads:
            thread.join(patience)
        return [
            *(f"process {process}" for process in processes),
            *(f"task {task}" for task in tasks),
            *(f"thread {thread.name}" for thread in threads if thread.is_alive()),
            *(f"descriptor of {target}" for target in (_descriptors() - self._descriptors).elements()),
            *(f"file {file.name}" for file in sorted(set(self._temporary.iterdir()) - self._files)),
        ]

    def _looks_clean(self) -> bool:
        """Whether there is nothing new even now; most often there is not, and no need to collect garbage."""
        now = (_children(), _tasks(), _threads(), set(self._temporary.iterdir()))
        before = (self._processes, self._tasks, self._threads, self._files)
        return all(new <= old for new, old in zip(now, before, strict=True)) and _descriptors() <= self._descriptors


def _children() -> set[int]:
    """The processes that this one started, by number."""
    lists = list(Path("/proc/self/task").glob("*/children"))
    if not lists:
        return {process.pid for process in psutil.Process().children()}
    return {int(pid) for path in lists for pid in path.read_text().split()}


def _tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks(background.background_loop())


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if not thread.name.startswith(_POOLS)}


async def _outlasting(known: set[asyncio.Task[object]], patience: float) -> list[str]:
    new = asyncio.all_tasks() - known - {asyncio.current_task()}
    pending = (await asyncio.wait(new, timeout=patience))[1] if new else set()
    return [repr(task) for task in pending]


def _descriptors() -> Counter[str]:
    folder = Path("/proc/self/fd")
    return Counter(_target(entry) for entry in folder.iterdir()) if folder.is_dir() else Counter()


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)  # noqa: PTH115  the target of a pipe is no path
    except OSError:
        return "what was closed meanwhile"  # the descriptor of this very listing


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the system's folder of temporary files, here and in started processes."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def nothing_left(temporary: Path) -> Iterator[LeakDetector]:
    """Fails the test when it leaves something behind."""
    detector = LeakDetector(temporary)
    yield detector
    assert not detector.found(), "the test left something behind"
