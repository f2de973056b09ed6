"""How the bytes of one file come: as they are or compressed, and from which offset on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol


class Expander(Protocol):
    """Makes a file of what travels, and checks it."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The next bytes of the file, in pieces; all must be taken before more is fed.

        Raises:
            FormatError: what travels is damaged.
        """

    def finish(self) -> None:
        """Say that nothing more comes.

        Raises:
            FormatError: something is missing, or the checks fail.
        """


@dataclass(frozen=True)
class Delivery:
    """What brings one file.

    Attributes:
        stream: the bytes that travel, from an offset on.
        size: how many travel in all; `None` when that is not known before.
        expander: makes the file of them; `None` when they are the file and nothing but its hash is to be checked.
        form: empty when what travels is the file itself. Otherwise names what it is, with letters, digits and dashes:
            two deliveries of one file with the same form bring the same bytes.
        is_far: whether what has come is worth keeping when it breaks off.
    """

    stream: Callable[[int], AsyncGenerator[bytes, None]]
    size: int | None = None
    expander: Callable[[], Expander] | None = None
    form: str = ""
    is_far: bool = False

    async def expanded(self) -> AsyncGenerator[bytes, None]:
        """The bytes of the file itself, *unchecked* against its hash. Raises as the source and the expander do."""
        expander = self.expander() if self.expander else None
        async with aclosing(self.stream(0)) as chunks:
            async for chunk in chunks:
                if expander is None:
                    yield chunk
                    continue
                pieces = expander.feed(chunk)
                while piece := await asyncio.to_thread(next, pieces, b""):
                    yield piece
        if expander is not None:
            expander.finish()
