"""Several things at once, of which the first that fails ends the others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Iterable[Coroutine[Any, Any, T]], slots: asyncio.Semaphore) -> list[T]:
    """The results of all of `work`, in its order; as much of it runs at once as there are slots.

    The first error ends the rest, and is raised.
    """

    async def run(one: Coroutine[Any, Any, T]) -> T:
        try:
            async with slots:
                return await one
        finally:
            one.close()  # also if its turn never came

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(one)) for one in work]
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise first from first.__cause__  # which raising it plainly would bury under the group
    return [task.result() for task in tasks]
