"""Trying again: how often, and after how long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from carton_runtime.errors import StorageError
from carton_runtime.storage.http.answers import _retry_after
from carton_runtime.storage.retrying import Attempts, RetryPolicy, Trouble


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The pauses that were made, none of which lasts."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return made


async def test_pauses_grow_to_a_limit_and_are_random(pauses: list[float]) -> None:
    policy = RetryPolicy(attempts=100, delay=1.0, longest_delay=8.0)
    attempts = Attempts(policy, "it")
    for _ in range(99):
        await attempts.failed(Trouble("broke"))
    assert all(0 <= pause <= min(2**number, 8.0) for number, pause in enumerate(pauses))
    assert max(pauses) > 4.0
    assert len(set(pauses)) > 90


async def test_the_last_failure_is_the_error(pauses: list[float]) -> None:
    attempts = Attempts(RetryPolicy(attempts=3), "it")
    await attempts.failed(Trouble("broke"))
    await attempts.failed(Trouble("broke"))
    with pytest.raises(StorageError, match=r"^it: broke again; tried 3 times$"):
        await attempts.failed(Trouble("broke again"))


async def test_what_is_hopeless_is_not_tried_again(pauses: list[float]) -> None:
    with pytest.raises(StorageError, match=r"^it: broke$"):
        await Attempts(RetryPolicy(), "it").failed(Trouble("broke", hopeless=True))
    assert pauses == []


async def test_progress_makes_up_for_failures(pauses: list[float]) -> None:
    attempts = Attempts(RetryPolicy(attempts=2, progress=100), "it")
    for _ in range(10):
        await attempts.failed(Trouble("broke"))
        attempts.progress(60)
        attempts.progress(60)
    await attempts.failed(Trouble("broke"))
    attempts.progress(99)
    with pytest.raises(StorageError, match="tried 2 times"):
        await attempts.failed(Trouble("broke"))


async def test_a_pause_that_is_asked_for_is_made_unless_it_is_long(pauses: list[float]) -> None:
    attempts = Attempts(RetryPolicy(longest_asked=30.0), "it")
    await attempts.failed(Trouble("busy", wait=30.0))
    assert pauses == [30.0]
    with pytest.raises(StorageError, match=r"^it: busy; try again in 31 seconds$"):
        await attempts.failed(Trouble("busy", wait=31.0))


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "９", "Mon, 99 Nov 2026 00:00:00 GMT", "1" * 20])
def test_a_pause_that_cannot_be_understood_is_none(text: str) -> None:
    assert _retry_after({"retry-after": text}) is None


def test_a_pause_may_be_given_as_seconds_or_as_a_date() -> None:
    assert _retry_after({"retry-after": " 120 "}) == 120.0
    assert _retry_after({"retry-after": "Mon, 02 Jan 2006 15:04:05 GMT"}) == 0.0
    later = _retry_after({"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"})
    assert later is not None
    assert later > 1e8
