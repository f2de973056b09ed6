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

_PATIENCE = 5.0  # seconds that something which is ending already may take
_POOLS = ("asyncio_", "ThreadPoolExecutor")  # the threads of executors stay, to be used again


class LeakDetector:
    """Compares what there is with what there was when it was made.

    Args:
        temporary: the folder that stands for the system's folder of temporary files.
    """

    def __init__(self, temporary: Path) -> None:
        # The loop stays when it has once started, with descriptors of its own.
        background.run_blocking(asyncio.sleep(0))
        gc.collect()
        self._temporary = temporary
        self._processes = set(psutil.Process().children(recursive=True))
        self._tasks = _tasks()
        self._threads = set(threading.enumerate())
        self._files = set(temporary.iterdir())
        self._descriptors = _descriptors()

    def found(self, patience: float = _PATIENCE) -> list[str]:
        """What is left, one line each, after waiting for what is about to end."""
        gc.collect()
        processes = self._lasting_processes(patience)
        tasks = self._lasting_tasks(patience)
        threads = [thread for thread in threading.enumerate() if thread not in self._threads and not _is_pooled(thread)]
        for thread in threads:
            thread.join(patience)
        return [
            *(f"process {process}" for process in processes),
            *(f"task {task}" for task in tasks),
            *(f"thread {thread.name}" for thread in threads if thread.is_alive()),
            *(f"descriptor of {target}" for target in (_descriptors() - self._descriptors).elements()),
            *(f"file {file.name}" for file in sorted(set(self._temporary.iterdir()) - self._files)),
        ]

    def _lasting_processes(self, patience: float) -> list[psutil.Process]:
        new = set(psutil.Process().children(recursive=True)) - self._processes
        return psutil.wait_procs(new, timeout=patience)[1]

    def _lasting_tasks(self, patience: float) -> list[str]:
        return background.run_blocking(_outlasting(self._tasks, patience))


def _tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks(background.background_loop())


async def _outlasting(known: set[asyncio.Task[object]], patience: float) -> list[str]:
    new = asyncio.all_tasks() - known - {asyncio.current_task()}
    pending = (await asyncio.wait(new, timeout=patience))[1] if new else set()
    return [repr(task) for task in pending]


def _is_pooled(thread: threading.Thread) -> bool:
    return thread.name.startswith(_POOLS)


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
