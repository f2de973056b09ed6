"""Locks between processes, on files and folders: the system lets go of them when their holder dies, however it dies.

A lock belongs to what lies at a path, and not to the path: whoever waited for something that was removed or renamed
meanwhile opens anew what is there now.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_FOLDER = os.O_RDONLY | os.O_DIRECTORY
FILE = os.O_RDWR | os.O_CREAT
"""Opens a file to lock, which is made where there is none."""


class Lock:
    """A lock that is held, until `release` or the end of the block.

    Attributes:
        descriptor: what is locked, open; -1 when it was let go.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def release(self) -> None:
        """Let go, also in processes that were forked meanwhile; a second time does nothing."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):  # closing lets go as well, if nobody was forked
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


async def lock(path: Path, *, shared: bool = False, flags: int = _FOLDER) -> Lock:
    """Lock a folder, or a file with `flags` of `FILE`, waiting for as long as another holder has it.

    Args:
        path: what to lock.
        shared: whether others may hold it too, if they share it.
        flags: how to open it.

    Raises:
        OSError: it cannot be opened, or locks do not work there.
    """
    while True:
        descriptor = os.open(path, flags, 0o644)
        try:
            if not _locked(descriptor, _operation(shared) | fcntl.LOCK_NB):
                await _wait(descriptor, _operation(shared))
            if _is_at(path, descriptor):
                return Lock(descriptor)
        except BaseException:
            # A thread that still waits has the file, and with its end the lock goes too.
            os.close(descriptor)
            raise
        os.close(descriptor)


def try_lock(path: Path, *, shared: bool = False, flags: int = _FOLDER) -> Lock | None:
    """Lock what nobody else holds; `None` where somebody does. Arguments and errors are those of `lock`."""
    return _lock_here(path, _operation(shared) | fcntl.LOCK_NB, flags)


def lock_blocking(path: Path, *, shared: bool = False, flags: int = _FOLDER) -> Lock:
    """`lock`, waiting in this thread, which nothing but a signal ends. Arguments and errors are those of `lock`."""
    held = _lock_here(path, _operation(shared), flags)
    assert held is not None  # noqa: S101  without LOCK_NB there is no other outcome
    return held


def _lock_here(path: Path, operation: int, flags: int) -> Lock | None:
    while True:
        descriptor = os.open(path, flags, 0o644)
        try:
            is_ours = _locked(descriptor, operation)
            if is_ours and _is_at(path, descriptor):
                return Lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if not is_ours:
            return None


def _operation(shared: bool) -> int:
    return fcntl.LOCK_SH if shared else fcntl.LOCK_EX


def _locked(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))  # noqa: PTH116  of a path, as of a descriptor
    except FileNotFoundError:
        return False


async def _wait(descriptor: int, operation: int) -> None:
    """Wait in a thread of its own: one of a pool would be missed there, and waited for when the interpreter ends."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    own = os.dup(descriptor)  # the caller may close hers at any time, and her number go to another file

    def settle(error: OSError | None) -> None:
        if not ended.done():
            ended.set_result(None) if error is None else ended.set_exception(error)

    def work() -> None:
        failure = None
        try:
            fcntl.flock(own, operation)
        except OSError as error:
            failure = error
        os.close(own)
        with contextlib.suppress(RuntimeError):  # the loop was closed; nobody waits any more
            loop.call_soon_threadsafe(settle, failure)

    threading.Thread(target=work, name="carton-lock", daemon=True).start()
    await ended
