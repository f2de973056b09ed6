"""The leak detector finds what it should: without this, a test that leaks could not fail."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from carton_runtime import background
from carton_runtime.testing.leaks import LeakDetector, mapped_regions, marked_processes


@pytest.fixture
def found(temporary: Path) -> Callable[[], str]:
    """What a fresh detector says now, in one text, without patience for what stays."""
    detector = LeakDetector(temporary)
    return lambda: "\n".join(detector.found(patience=0))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_nothing_is_found_where_nothing_was_left(found: Callable[[], str]) -> None:
    assert found() == ""


def test_a_process_is_found(found: Callable[[], str], child: subprocess.Popen[bytes]) -> None:
    assert f"pid={child.pid}" in found()


def test_an_open_file_is_found(found: Callable[[], str]) -> None:
    with Path(__file__).open():
        assert f"descriptor of {__file__}" in found()


def test_a_temporary_file_is_found(found: Callable[[], str]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        assert f"file {Path(file.name).name}" in found()


def test_a_task_of_the_background_loop_is_found(found: Callable[[], str]) -> None:
    begun = threading.Event()

    async def left_behind() -> None:
        begun.set()
        await asyncio.Event().wait()

    waiting = background.submit(left_behind())
    begun.wait()
    try:
        assert "left_behind" in found()
    finally:
        waiting.cancel()


def test_a_thread_is_found(found: Callable[[], str]) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="left-behind")
    thread.start()
    try:
        assert "thread left-behind" in found()
    finally:
        stop.set()
        thread.join()


def test_a_loaded_model_is_found(found: Callable[[], str], double_carton: Path) -> None:
    import carton_runtime.sync as carton

    with carton.load(double_carton) as model:
        assert f"pid={model.kernel.pid}" in found()
    assert found() == ""


def test_shared_memory_that_outlives_its_kernel_is_found(found: Callable[[], str], double_carton: Path) -> None:
    import carton_runtime.sync as carton

    with carton.load(double_carton) as model:
        kept = model.infer(x=np.ones(1 << 18))["out"]
        assert "shared memory" not in found(), "what a kernel that lives has pooled is no leak"
    assert "1 regions of shared memory" in found()
    assert kept.sum() == 2 << 18
    del kept
    assert found() == ""


def test_memory_of_others_is_not_ours() -> None:
    descriptor = os.memfd_create("something-else")
    os.close(descriptor)
    assert mapped_regions() == 0


def test_a_process_whose_parent_is_gone_is_found_by_its_mark() -> None:
    mark = f"mark-{uuid4()}"
    command = "sleep 60 >/dev/null & echo $!"
    shell = subprocess.run(
        ["/bin/sh", "-c", command], env={"MARK": mark}, stdout=subprocess.PIPE, check=True, text=True
    )
    pid = int(shell.stdout)
    try:
        assert marked_processes(mark) == {pid: "sleep 60"}
    finally:
        os.kill(pid, 9)


def test_a_detector_with_a_mark_finds_processes_whose_parents_are_gone() -> None:
    mark = f"mark-{uuid4()}"
    detector, unmarked = LeakDetector(mark=mark), LeakDetector()
    shell = subprocess.run(
        ["/bin/sh", "-c", "sleep 60 >/dev/null & echo $!"], env={"MARK": mark}, stdout=subprocess.PIPE, check=True
    )
    pid = int(shell.stdout)
    try:
        assert detector.found(patience=0) == [f"process pid={pid}: sleep 60"]
        assert unmarked.found(patience=0) == []
    finally:
        os.kill(pid, 9)
    assert detector.found() == []
