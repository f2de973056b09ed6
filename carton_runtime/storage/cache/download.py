"""One file on its way into the cache."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from carton_runtime.errors import FormatError, IntegrityError, StorageError
from carton_runtime.storage.cache.partial import Partial
from carton_runtime.storage.cache.threads import Pump, in_thread
from carton_runtime.storage.cache.verdicts import check_digest
from carton_runtime.storage.delivery import Delivery

_CHUNK = 4 << 20  # bytes of what is here already that are taken at once
_LARGE = 4 << 20  # from here on a file is on the disk before it counts as checked: a power cut must not fool us


class Told(Protocol):
    """Who is told how far a file has come."""

    def __call__(self, amount: int, *, is_new: bool) -> None:
        """So many bytes of the file more: that came now, or that were here before. Fewer than 0 take that back."""


@dataclass
class Download:
    """Fetches one file into a partial one, taking up what is there.

    Args:
        partial: where to.
        delivery: what brings it.
        sha256: its hash.
        what: its name, for messages.
        told: who is told of each piece.
    """

    partial: Partial
    delivery: Delivery
    sha256: str
    what: str
    told: Told
    _counted: int = 0

    async def run(self) -> None:
        """Fetch all that is missing, and check the whole.

        Raises:
            IntegrityError: it has another hash.
            FormatError: what came makes no file.
            StorageError: it cannot be read where it comes from.
            OSError: it cannot be written here.
        """
        delivery = self.delivery
        here = await in_thread(self.partial.prepare, delivery.form, is_far=delivery.is_far, size=delivery.size)
        try:
            await self._fetch(here)
        except (IntegrityError, FormatError):
            if not here:
                raise
            # The beginning may be what is wrong: after a power cut, or when the source has changed.
            await in_thread(self.partial.clear)
            self._count(-self._counted, is_new=False)
            await self._fetch(0)

    async def _fetch(self, here: int) -> None:
        receiver = Receiver(self.partial, self.delivery)
        while here and (made := await in_thread(receiver.recall)) is not None:
            self._count(made, is_new=False)
        await self._receive(receiver, here)
        await in_thread(receiver.finish, self.sha256, self.what)

    async def _receive(self, receiver: Receiver, here: int) -> None:
        """Take what travels: while some is hashed and written, more may come."""
        pump = Pump(lambda pieces: self._take(receiver, pieces))
        try:
            async with aclosing(self.delivery.stream(here)) as pieces:
                async for piece in pieces:
                    await pump.put(piece)
            await pump.flush()
        except (StorageError, asyncio.CancelledError):
            if self.delivery.is_far:  # what has come is worth keeping
                await pump.flush()
            raise
        finally:
            await pump.ended()

    async def _take(self, receiver: Receiver, chunks: Sequence[bytes]) -> None:
        self._count(await in_thread(receiver.take, chunks), is_new=True)

    def _count(self, amount: int, *, is_new: bool) -> None:
        self._counted += amount
        if amount:
            self.told(amount, is_new=is_new)


class Receiver:
    """Writes what travels, and makes and hashes the file; in threads, one call at a time."""

    def __init__(self, partial: Partial, delivery: Delivery) -> None:
        self._output = partial.output
        self._kept = partial.kept
        self._is_plain = not delivery.form
        self._expander = delivery.expander() if delivery.expander else None
        self._digest = hashlib.sha256()
        self._made = 0

    def recall(self) -> int | None:
        """Take the next of what is here from before; the bytes of the file that it made, `None` when that was all."""
        source = self._kept or self._output
        chunk = source.read(_CHUNK)
        return self._expand(chunk, write=not self._is_plain) if chunk else None

    def take(self, chunks: Sequence[bytes]) -> int:
        """Take what came; the bytes of the file that it made."""
        made = 0
        for chunk in chunks:
            if self._kept is not None:
                write_all(self._kept, chunk)
            made += self._expand(chunk, write=True)
        return made

    def finish(self, sha256: str, what: str) -> None:
        """Check the whole. Raises as `Download.run` does."""
        if self._expander is not None:
            self._expander.finish()
        check_digest(self._digest.hexdigest(), sha256, what)
        if self._made >= _LARGE:
            os.fsync(self._output.fileno())

    def _expand(self, chunk: bytes, *, write: bool) -> int:
        before = self._made
        for piece in [chunk] if self._expander is None else self._expander.feed(chunk):
            self._digest.update(piece)
            self._made += len(piece)
            if write:
                write_all(self._output, piece)
        return self._made - before


def write_all(file: io.FileIO, data: bytes) -> None:
    """Write all of `data`, as an unbuffered file may not do at once. Raises `OSError`."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
