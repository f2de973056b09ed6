"""Files that a carton only links to: fetched through the cache, from the first of their mirrors that has them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path

from carton_runtime.contents.encodings import Decoder
from carton_runtime.errors import CartonError, FormatError, IntegrityError, StorageError
from carton_runtime.format.limits import Limits
from carton_runtime.format.manifest import Links
from carton_runtime.settings import Settings
from carton_runtime.storage.base import Source
from carton_runtime.storage.cache import CacheNotWritableError, ContentStore, Told, tell_nobody
from carton_runtime.storage.delivery import Delivery
from carton_runtime.storage.local import LocalFile
from carton_runtime.storage.locate import locate_copy
from carton_runtime.storage.redact import redacted
from carton_runtime.storage.retrying import RetryPolicy

Expect = Callable[[int], None]
"""Who is told how many bytes come; fewer than 0 take that back."""

_LOGGER = logging.getLogger(__name__)

_LAST = RetryPolicy()
_OTHERS = RetryPolicy(attempts=2, silence=15.0)  # the next mirror is tried sooner than this one once more
_RATIO_MATTERS = 1 << 20  # bytes; so much may come of however little


def _expect_nothing(amount: int) -> None:
    """Who is told when nobody wants to know."""


class _Sizes:
    """How many bytes all linked files have together, as far as is known."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._total = 0

    def note(self, sha256: str, size: int) -> int:
        """Note how many bytes a file has at least; gives the sum."""
        self._total += size - self._sizes.get(sha256, 0)
        self._sizes[sha256] = size
        return self._total


@dataclass(frozen=True)
class Mirrors:
    """Where the files are that a carton only links to.

    Attributes:
        links: sha256 → URLs, the best first.
        limits: how large a file may be.
        settings: where the cache is, and whether the network may be used.
    """

    links: Links
    limits: Limits
    settings: Settings
    _sizes: _Sizes = field(default_factory=_Sizes, compare=False, repr=False)

    async def fetch(
        self,
        sha256: str,
        store: ContentStore,
        *,
        what: str,
        limit: str = "expanded_size",
        told: Told = tell_nobody,
        expect: Expect = _expect_nothing,
    ) -> Path:
        """The path of a checked file in a store; the mirrors are tried in order if it is not there.

        Args:
            sha256: its hash, in hex.
            store: where it goes.
            what: its name, for messages.
            limit: the one of `limits` that says how large it may be.
            told: who is told of each piece.
            expect: who is told how many bytes come, once a mirror says so.

        Raises:
            IntegrityError: each mirror gave other bytes.
            StorageError: no mirror gave the file; the error says why, for each. Or the store cannot be written.
        """
        wanted, failures = _Wanted(sha256, what, limit), list[tuple[str, CartonError]]()
        urls = self.links.urls.get(sha256, ())
        for url in urls:
            policy = _LAST if url is urls[-1] else _OTHERS
            attempt = _Attempt(told, expect)
            try:
                return await self._fetch(url, policy, wanted, store, attempt)
            except (MirrorError, IntegrityError, FormatError) as error:
                attempt.take_back()
                failures.append((redacted(url), error))
                _LOGGER.info("%s: %s", what, _reason(redacted(url), error))
        raise _failed(what, failures)

    async def read(self, sha256: str, *, what: str, limit: str) -> bytes:
        """All bytes of a file. Raises as `fetch` does, and `FormatError` when there are more than `limit` allows."""
        try:
            return await self._read(sha256, ContentStore(self.settings.cache_dir), what, limit)
        except CacheNotWritableError as error:
            _LOGGER.warning("%s; %s is fetched anew each time", error, what)
            with tempfile.TemporaryDirectory(prefix="carton-linked-") as folder:
                return await self._read(sha256, ContentStore(Path(folder)), what, limit)

    async def _read(self, sha256: str, store: ContentStore, what: str, limit: str) -> bytes:
        path = await self.fetch(sha256, store, what=what, limit=limit)
        try:
            self._check_size(
                path.stat().st_size, _Wanted(sha256, what, limit)
            )  # another limit may have held when it was fetched
            return await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            raise StorageError(f"{what} cannot be read from the cache: {error}") from error

    async def _fetch(
        self, url: str, policy: RetryPolicy, wanted: _Wanted, store: ContentStore, attempt: _Attempt
    ) -> Path:
        async with AsyncExitStack() as opened:

            async def deliver() -> Delivery:
                try:
                    source = locate_copy(url, self.settings, policy)
                    opened.push_async_callback(source.aclose)
                    encoding = "" if isinstance(source, LocalFile) else await source.encoding()
                    delivery = await self._delivery(source, encoding, wanted)
                except StorageError as error:
                    raise MirrorError(str(error)) from error
                attempt.begin(None if encoding else delivery.size)
                return delivery

            path = await store.ensure(wanted.sha256, deliver, what=wanted.what, told=attempt.tell)
        attempt.end()
        return path

    async def _delivery(self, source: Source, encoding: str, wanted: _Wanted) -> Delivery:
        size, is_far = await source.size(), not isinstance(source, LocalFile)

        def stream(offset: int) -> AsyncGenerator[bytes, None]:
            return _mirrored(source.stream(offset, size - offset))

        def allow(fed: int, made: int) -> None:
            self._check_size(made, wanted)
            if made > max(_RATIO_MATTERS, fed * self.limits.compression_ratio):
                raise self.limits.excess("compression_ratio", f"{wanted.what} is {made:,} bytes out of {fed:,}")

        if not encoding:
            self._check_size(size, wanted)
            return Delivery(stream, size, is_far=is_far)
        version = hashlib.sha256((await source.identity()).encode()).hexdigest()[:16]
        Decoder(encoding, allow)  # that nobody reads it had better be known before anything is fetched
        form = f"{encoding}-{version}"
        return Delivery(stream, size, lambda: Decoder(encoding, allow), form=form, is_far=is_far)

    def _check_size(self, size: int, wanted: _Wanted) -> None:
        if size > getattr(self.limits, wanted.limit):
            raise self.limits.excess(wanted.limit, f"{wanted.what} has {size:,} bytes or more")
        if (total := self._sizes.note(wanted.sha256, size)) > self.limits.expanded_size:
            raise self.limits.excess("expanded_size", f"with {wanted.what}, linked files have {total:,} bytes or more")


class MirrorError(StorageError):
    """A mirror does not give a file; the next one may."""


@dataclass(frozen=True)
class _Wanted:
    """A file: its hash, its name for messages, and which limit holds for its size."""

    sha256: str
    what: str
    limit: str


class _Attempt:
    """What is told of one mirror, so that it can be taken back."""

    def __init__(self, told: Told, expect: Expect) -> None:
        self._told = told
        self._expect = expect
        self._amount = 0
        self._expected = 0

    def begin(self, size: int | None) -> None:
        """The mirror is about to send so many bytes; `None` when nobody knows, because it sends them compressed."""
        self._expected = size or 0
        self._expect(self._expected)

    def tell(self, amount: int, *, is_new: bool) -> None:
        """So many bytes came."""
        self._amount += amount
        self._told(amount, is_new=is_new)

    def end(self) -> None:
        """These were all."""
        self._expect(self._amount - self._expected)

    def take_back(self) -> None:
        """What was told is of no use any more, or is told again."""
        self._expect(-self._expected)
        if self._amount:
            self._told(-self._amount, is_new=False)


async def _mirrored(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    except StorageError as error:
        raise MirrorError(str(error)) from error


def _failed(what: str, failures: Sequence[tuple[str, CartonError]]) -> CartonError:
    """The error to raise when no mirror gave the file."""
    if not failures:
        return StorageError(f"{what} is not in the carton, which names no place where it can be fetched")
    reasons = "".join(f"\n- {_reason(name, error)}" for name, error in failures)
    message = f"{what} is not in the carton, and cannot be fetched:{reasons}"
    is_wrong = all(isinstance(error, IntegrityError) for _, error in failures)
    return IntegrityError(message) if is_wrong else StorageError(message)


def _reason(name: str, error: CartonError) -> str:
    text = "what it gives has another sha256 than the carton promises" if isinstance(error, IntegrityError) else error
    return str(text) if name in str(text) else f"{name}: {text}"
