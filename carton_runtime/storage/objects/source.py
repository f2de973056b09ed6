"""An object of S3, Google Cloud Storage or Azure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, NotThereError, Span
from carton_runtime.storage.objects.address import AZURE, Address
from carton_runtime.storage.objects.bucket import CREDENTIALS, Bucket, explained
from carton_runtime.storage.redact import redacted
from carton_runtime.storage.remote import TAIL, Look, RemoteSource
from carton_runtime.storage.retrying import Attempts, RetryPolicy, Trouble, attempted

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta

POLICY = RetryPolicy()


class ObjectSource(RemoteSource):
    """An object. Its version is told by its entity tag, and all requests after the first ask for that one.

    Args:
        url: where it is.
        policy: how long to wait, and how often to try.
        bucket: the bucket that it is in, where somebody has that already.
        known: what a listing said of it; then there is no first look.

    Raises:
        StorageError: it is no such URL, or obstore is not installed.
    """

    def __init__(
        self,
        url: str,
        policy: RetryPolicy = POLICY,
        bucket: Bucket | None = None,
        known: ObjectMeta | None = None,
    ) -> None:
        self._address = Address.parse(url)
        super().__init__(redacted(url))
        self._policy = policy
        self._bucket = bucket or Bucket(self._address, policy, self.name)
        self._meta = known
        if known:
            self._seen = Look(known["size"], _identity(known), b"")

    async def aclose(self) -> None:
        """Let go of the connections."""
        self._bucket.close()

    async def _first_look(self) -> Look:
        longest = self._policy.first_look  # obstore's own attempts to learn who is asking are among these
        try:
            async with asyncio.timeout(longest):
                return await attempted(self._look_once, self._policy, self.name)
        except TimeoutError:
            raise StorageError(f"{self.name}: nothing was heard for {longest:g} seconds; {CREDENTIALS}") from None
        except NotThereError as error:
            raise NotThereError(f"{error}; if it is an unpacked carton, end its URL with a slash") from None

    async def _look_once(self) -> Look:
        with self._bucket.translated(self.name, self.name):
            by_size = self._address.scheme in AZURE  # which knows no suffixes
            answer = await (self._tail_by_size() if by_size else self._ask({"range": {"suffix": TAIL}}))
        meta, (start, stop) = answer.meta, answer.range
        if stop != meta["size"]:
            raise StorageError(f"{self.name}: the store sends bytes {start}-{stop - 1} of {meta['size']}, not its end")
        tail = b"".join([piece async for piece in _pieces(answer.stream(), stop - start)])
        self._meta = meta
        return Look(meta["size"], _identity(meta), tail)

    async def _tail_by_size(self) -> GetResult:
        meta = await self._bucket.head(self._address.key)
        if not meta["size"]:
            raise StorageError(f"{self.name} is empty")
        self._meta = meta
        start = max(meta["size"] - TAIL, 0)
        return await self._get(Span(start, meta["size"] - start))

    async def _fetch(self, span: Span) -> AsyncGenerator[bytes, None]:
        attempts = Attempts(self._policy, self._where(span))
        while span.length:
            with self._bucket.translated(self._where(span), self.name):
                stream = (await self._get(span)).stream(min_chunk_size=PIECE)
            try:
                async for chunk in _pieces(stream, span.length):
                    span = Span(span.start + len(chunk), span.length - len(chunk))
                    attempts.progress(len(chunk))
                    yield chunk
            except Trouble as trouble:
                await attempts.failed(trouble)

    async def _get(self, span: Span) -> GetResult:
        options: GetOptions = {"range": (span.start, span.stop)}
        etag = self._meta["e_tag"] if self._meta else None
        if etag and not etag.startswith("W/"):
            options["if_match"] = f'"{_bare(etag)}"'
        answer = await self._ask(options)
        if self._meta and _identity(answer.meta) != _identity(self._meta):
            raise StorageError(f"{self.name} changed while it was read; start again")
        if tuple(answer.range) != (span.start, span.stop):
            raise StorageError(f"{self._where(span)}: the store sends bytes {answer.range} instead")
        return answer

    async def _ask(self, options: GetOptions) -> GetResult:
        return await self._bucket.get(self._address.key, options)

    def _where(self, span: Span) -> str:
        return f"{self.name} (bytes {span.start}-{span.stop - 1})"


async def _pieces(stream: Any, length: int) -> AsyncGenerator[bytes, None]:
    """The `length` bytes that come, in pieces that are not too large.

    Raises:
        Trouble: it broke off, or is longer.
    """
    from obstore.exceptions import BaseError

    left = length
    try:
        async for chunk in stream:
            data = memoryview(chunk)
            left -= len(data)
            if left < 0:
                raise Trouble(f"the store sends more than the {length} bytes that it announced", hopeless=True)
            for start in range(0, len(data), PIECE):
                yield bytes(data[start : start + PIECE])
    except (BaseError, OSError) as error:
        raise Trouble(f"the connection broke ({explained(error)})") from None
    if left:
        raise Trouble(f"the store sent {length - left} of {length} bytes")


def _identity(meta: ObjectMeta) -> str:
    etag = meta["e_tag"]
    return f"{_bare(etag) if etag else meta['last_modified'].isoformat()}-{meta['size']}"


def _bare(etag: str) -> str:
    """An entity tag without its quotes, which Azure leaves away in listings."""
    return etag.strip('"')
