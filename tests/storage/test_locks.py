"""Locks between processes: waited for without polling, and gone with their holder."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from carton_runtime.storage.locks import FILE, lock, lock_blocking, try_lock

HOLD = """
import asyncio, sys
from pathlib import Path
from carton_runtime.storage.locks import lock

async def main():
    with await lock(Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
        print("held", flush=True)
        sys.stdin.readline()

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def held(folder: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Has another process hold the folder, shared or alone."""
    holders = []

    def hold(how: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(folder), how]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holders.append(holder)
        assert holder.stdout.readline() == "held\n"
        return holder

    yield hold
    for holder in holders:
        holder.kill()
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()


def test_one_holder_keeps_others_out(folder: Path) -> None:
    with try_lock(folder):
        assert try_lock(folder) is None
        assert try_lock(folder, shared=True) is None
    with try_lock(folder):
        pass


def test_those_who_share_keep_only_the_others_out(folder: Path) -> None:
    with try_lock(folder, shared=True), try_lock(folder, shared=True):
        assert try_lock(folder) is None


def test_releasing_twice_does_nothing(folder: Path) -> None:
    held = try_lock(folder)
    held.release()
    other = os.open(folder, os.O_RDONLY)  # which may well have the number that the lock had
    held.release()
    os.fstat(other)
    os.close(other)


def test_another_process_is_seen(folder: Path, held: Callable[[str], subprocess.Popen[str]]) -> None:
    holder = held("shared")
    assert try_lock(folder) is None
    with try_lock(folder, shared=True):
        pass
    holder.stdin.write("\n")
    holder.stdin.flush()
    holder.wait()
    with try_lock(folder):
        pass


async def test_a_thread_may_wait_for_another_process(
    folder: Path, held: Callable[[str], subprocess.Popen[str]]
) -> None:
    holder = held("alone")
    waiting = asyncio.create_task(asyncio.to_thread(lock_blocking, folder))
    await asyncio.sleep(0)
    assert not waiting.done()
    holder.kill()
    with await waiting:
        assert try_lock(folder) is None
    holder.wait()


def test_the_lock_of_a_process_that_is_killed_goes_with_it(
    folder: Path, held: Callable[[str], subprocess.Popen[str]]
) -> None:
    holder = held("alone")
    assert try_lock(folder) is None
    holder.kill()
    holder.wait()
    with try_lock(folder):
        pass


async def test_a_waiter_gets_it_when_the_holder_lets_go(
    folder: Path, held: Callable[[str], subprocess.Popen[str]]
) -> None:
    holder = held("alone")
    waiting = asyncio.create_task(lock(folder))
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    holder.stdin.write("\n")
    holder.stdin.flush()
    (await waiting).release()


async def test_a_waiter_that_is_cancelled_leaves_nothing(folder: Path, nothing_left: object) -> None:
    holder = try_lock(folder)
    waiting = asyncio.create_task(lock(folder))
    await asyncio.wait({waiting}, timeout=0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    holder.release()
    (await lock(folder)).release()


async def test_what_was_renamed_while_one_waited_is_not_what_one_gets(tmp_path: Path) -> None:
    holder = await lock(tmp_path / "file", flags=FILE)
    waiting = asyncio.create_task(lock(tmp_path / "file", flags=FILE))
    await asyncio.wait({waiting}, timeout=0.2)
    (tmp_path / "file").rename(tmp_path / "other")
    holder.release()
    with await waiting as mine:
        assert os.path.samestat(os.fstat(mine.descriptor), (tmp_path / "file").stat())
        assert not (tmp_path / "other").samefile(tmp_path / "file")


async def test_a_folder_that_was_removed_while_one_waited_is_said_to_be_gone(folder: Path) -> None:
    holder = try_lock(folder)
    waiting = asyncio.create_task(lock(folder))
    await asyncio.wait({waiting}, timeout=0.2)
    folder.rmdir()
    holder.release()
    with pytest.raises(FileNotFoundError):
        await waiting
