"""Pieces are taken as they come, several at once when they come faster, and threads end before their caller goes on."""

from __future__ import annotations

import asyncio
import threading

import pytest

from carton_runtime.storage.cache.threads import Pump, in_thread

MiB = 1 << 20


class Taker:
    """Takes pieces when it is let."""

    def __init__(self) -> None:
        self.taken: list[list[bytes]] = []
        self.begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, pieces: list[bytes]) -> None:
        self.taken.append(pieces)
        self.begun.set()
        await self.may_go_on.wait()
        if self.error is not None:
            raise self.error


async def test_a_piece_is_taken_at_once_although_no_other_follows() -> None:
    taker = Taker()
    pump = Pump(taker)
    await pump.put(b"1")
    await taker.begun.wait()
    assert taker.taken == [[b"1"]]
    taker.may_go_on.set()
    await pump.flush()


async def test_what_comes_meanwhile_is_taken_together_and_in_order() -> None:
    taker = Taker()
    pump = Pump(taker)
    await pump.put(b"1")
    await taker.begun.wait()
    for piece in (b"2", b"3", b"4"):
        await pump.put(piece)
    taker.may_go_on.set()
    await pump.flush()
    assert taker.taken == [[b"1"], [b"2", b"3", b"4"]]


async def test_one_that_is_too_fast_waits() -> None:
    taker = Taker()
    pump = Pump(taker)
    await pump.put(b"1")
    await taker.begun.wait()
    for _ in range(3):
        await pump.put(bytes(MiB))
    waiting = asyncio.create_task(pump.put(bytes(MiB)))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    taker.may_go_on.set()
    await waiting
    await pump.flush()
    assert [len(pieces) for pieces in taker.taken] == [1, 4]


@pytest.mark.parametrize("then", ["put", "flush"])
async def test_what_goes_wrong_reaches_whoever_puts_or_flushes(then: str) -> None:
    taker = Taker()
    taker.error = OSError("no room")
    taker.may_go_on.set()
    pump = Pump(taker)
    await pump.put(b"1")
    await pump.ended()
    with pytest.raises(OSError, match="no room"):
        await (pump.put(b"2") if then == "put" else pump.flush())


async def test_one_that_waits_for_room_hears_what_goes_wrong() -> None:
    taker = Taker()
    pump = Pump(taker)
    await pump.put(b"1")
    await taker.begun.wait()
    taker.error = OSError("no room")
    waiting = asyncio.create_task(pump.put(bytes(5 * MiB)))
    await asyncio.wait({waiting}, timeout=0.05)
    taker.may_go_on.set()
    with pytest.raises(OSError, match="no room"):
        await waiting


async def test_nothing_put_is_nothing_to_wait_for() -> None:
    pump = Pump(Taker())
    await pump.flush()
    await pump.ended()


async def test_a_thread_ends_before_whoever_cancels_it_goes_on() -> None:
    is_running, may_end, has_ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        is_running.set()
        may_end.wait()
        has_ended.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(is_running.wait)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert has_ended.is_set()


async def test_a_thread_gives_what_it_made_or_raises_what_went_wrong() -> None:
    assert await in_thread(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
