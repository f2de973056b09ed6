"""Trying again: how often, and after how long."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from carton_runtime.errors import StorageError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long somebody far away is waited for. All times are in seconds.

    Attributes:
        attempts: how often something is tried before it fails for good.
        delay: the longest pause before the second attempt; it doubles with each further one.
        longest_delay: what it does not grow beyond.
        longest_asked: how long a pause a server may ask for.
        progress: bytes after which an interruption counts as the first one again.
        connect: how long a connection may take.
        silence: how long nothing may arrive.
        first_look: how long the first look at a bucket may take, all attempts together; it may have to ask somebody
            else first who is asking.
    """

    attempts: int = 5
    delay: float = 0.3
    longest_delay: float = 10.0
    longest_asked: float = 30.0
    progress: int = 1 << 20
    connect: float = 10.0
    silence: float = 30.0
    first_look: float = 45.0


class Trouble(Exception):  # noqa: N818  an attempt's, and no error yet
    """One attempt failed.

    Attributes:
        wait: seconds that the other side asked to be left alone for; `None` when it did not.
        hopeless: another attempt would fail as well.
    """

    def __init__(self, message: str, *, wait: float | None = None, hopeless: bool = False) -> None:
        super().__init__(message)
        self.wait = wait
        self.hopeless = hopeless


async def attempted(work: Callable[[], Awaitable[T]], policy: RetryPolicy, what: str) -> T:
    """What `work` gives, in as many attempts as it takes.

    Args:
        work: one attempt; raises `Trouble` when it fails.
        policy: how many, and how far apart.
        what: what is attempted, for messages.

    Raises:
        StorageError: none of them succeeded.
    """
    attempts = Attempts(policy, what)
    while True:
        try:
            return await work()
        except Trouble as trouble:
            await attempts.failed(trouble)


class Attempts:
    """The attempts at one thing, with pauses of random length between them, so that many clients do not come at once.

    Args:
        policy: how many, and how far apart.
        what: what is attempted, for messages.
    """

    def __init__(self, policy: RetryPolicy, what: str) -> None:
        self._policy = policy
        self._what = what
        self._failed = 0
        self._got = 0

    def progress(self, amount: int) -> None:
        """Bytes came."""
        self._got += amount
        if self._got >= self._policy.progress:
            self._failed = self._got = 0

    async def failed(self, trouble: Trouble) -> None:
        """Wait until it is time for the next attempt.

        Raises:
            StorageError: it was the last one, there is no hope, or the other side asks for more time than there is.
        """
        self._failed += 1
        if trouble.hopeless or self._failed >= self._policy.attempts:
            times = f"; tried {self._failed} times" if self._failed > 1 else ""
            raise StorageError(f"{self._what}: {trouble}{times}") from trouble.__cause__
        if trouble.wait is not None and trouble.wait > self._policy.longest_asked:
            raise StorageError(f"{self._what}: {trouble}; try again in {trouble.wait:.0f} seconds")
        await asyncio.sleep(self._pause() if trouble.wait is None else trouble.wait)

    def _pause(self) -> float:
        longest = min(self._policy.delay * 2 ** (self._failed - 1), self._policy.longest_delay)
        return random.uniform(0, longest)  # noqa: S311  no secret depends on it
