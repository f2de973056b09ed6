"""Finds what was left behind: processes, descriptors, tasks, threads, shared memory and temporary files.

On Linux all of it; elsewhere, what Python itself can tell.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from carton_runtime import background
from carton_runtime.runner_kernels import registry, waking
from carton_runtime.runner_kernels.proc import descendants

_PATIENCE = 5.0  # seconds that something which is ending already may take
_LOOK = 0.01
_POOLS = ("asyncio_", "ThreadPoolExecutor")  # the threads of executors stay, to be used again
_PROC = Path("/proc")
_REGION = "/memfd:carton"


@dataclass(frozen=True)
class Snapshot:
    """What there is at one moment.

    Attributes:
        processes: that this one and its children started, and those that bear a mark, by number.
        tasks: of the background loop.
        threads: of this process, but for those of executors.
        shared_memory: regions that are mapped here and belong to no kernel that lives.
        descriptors: what open descriptors lead to, and how many to each.
        files: in the folder of temporary files.
    """

    processes: frozenset[int]
    tasks: frozenset[asyncio.Task[object]]
    threads: frozenset[threading.Thread]
    shared_memory: int
    descriptors: Counter[str]
    files: frozenset[Path]

    @classmethod
    def take(cls, temporary: Path | None = None, mark: str = "") -> Snapshot:
        """What there is now, with the files of the folder `temporary`, and the processes that bear the `mark`."""
        return cls(
            frozenset(child_processes().union(marked_processes(mark) if mark else ())),
            frozenset(asyncio.all_tasks(background.background_loop())),
            frozenset(thread for thread in threading.enumerate() if not thread.name.startswith(_POOLS)),
            stray_regions(),
            open_descriptors(),
            frozenset(temporary.iterdir()) if temporary is not None else frozenset(),
        )

    def __le__(self, other: Snapshot) -> bool:
        return (
            self.processes <= other.processes
            and self.tasks <= other.tasks
            and self.threads <= other.threads
            and self.shared_memory <= other.shared_memory
            and self.descriptors <= other.descriptors
            and self.files <= other.files
        )

    def beyond(self, other: Snapshot) -> list[str]:
        """What is here and not in `other`, one line each."""
        regions = self.shared_memory - other.shared_memory
        return [
            *(f"process pid={pid}: {command_of(pid)}" for pid in sorted(self.processes - other.processes)),
            *(f"task {task!r}" for task in self.tasks - other.tasks),
            *(f"thread {thread.name}" for thread in self.threads - other.threads),
            *([f"{regions} regions of shared memory"] if regions > 0 else []),
            *(f"descriptor of {target}" for target in sorted((self.descriptors - other.descriptors).elements())),
            *(f"file {file.name}" for file in sorted(self.files - other.files)),
        ]


class LeakDetector:
    """Compares what there is with what there was when it was made.

    Args:
        temporary: the folder that stands for the system's folder of temporary files; `None` for not looking there.
        mark: what stands in the environment of processes to look for, whoever their parents are; see
            `marked_processes`.
    """

    def __init__(self, temporary: Path | None = None, mark: str = "") -> None:
        # The loop and the doorbell of this thread stay when they are once there, with descriptors of their own.
        background.run_blocking(asyncio.sleep(0))
        waking.doorbells.of_this_thread()
        self._temporary = temporary
        self._mark = mark
        self._before = Snapshot.take(temporary, mark)

    def found(self, patience: float = _PATIENCE) -> list[str]:
        """What is left, one line each, after waiting up to `patience` seconds for what is about to end."""
        left = self._left()
        if not left:  # most often, and then there is no need to collect garbage
            return []
        gc.collect()
        deadline = time.monotonic() + patience
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(_LOOK)  # what ends does not say so to a bystander
        return left

    def _left(self) -> list[str]:
        now = Snapshot.take(self._temporary, self._mark)
        return [] if now <= self._before else now.beyond(self._before)


def child_processes() -> set[int]:
    """The processes that this one started and has not reaped, and theirs; none where that is not known."""
    return set(descendants(os.getpid()))


def marked_processes(mark: str) -> dict[int, str]:
    """Processes of the whole system in whose environment `mark` stands: their numbers and commands.

    Whatever a process starts inherits its environment, so this finds grandchildren whose parents are gone.
    """
    found = {}
    for path in _PROC.glob("[0-9]*/environ"):
        if mark in _text(path):
            found[int(path.parent.name)] = command_of(int(path.parent.name))
    return found


def open_descriptors() -> Counter[str]:
    """What the open descriptors of this process lead to, and how many to each."""
    folder = _PROC / "self/fd"
    targets = Counter(_target(entry) for entry in folder.iterdir()) if folder.is_dir() else Counter[str]()
    del targets[""]  # the descriptor of this very listing
    return targets


def mapped_regions(pid: int | str = "self") -> int:
    """How many regions of a kernel's shared memory a process has mapped."""
    return len({line.split()[4] for line in _text(_PROC / str(pid) / "maps").splitlines() if _REGION in line})


def stray_regions() -> int:
    """Regions that are mapped here although no kernel of this process that lives has them."""
    return mapped_regions() - sum(kernel.memory.regions for kernel in registry.kernels())


def command_of(pid: int) -> str:
    """What a process runs, for people."""
    return _text(_PROC / str(pid) / "cmdline").replace("\0", " ").strip() or "(ended, not reaped)"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it ended meanwhile, or is somebody else's
        return ""


def _target(entry: Path) -> str:
    try:
        return os.readlink(entry)  # noqa: PTH115  the target of a pipe is no path
    except OSError:
        return ""
