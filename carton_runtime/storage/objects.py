"""An object of S3, Google Cloud Storage or Azure, read through obstore.

Who is asking, which region, and another endpoint than the provider's come from the environment, as obstore reads it:
``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, …
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Span
from carton_runtime.storage.redact import redacted, scrubbed
from carton_runtime.storage.remote import TAIL, Look, RemoteSource
from carton_runtime.storage.retrying import Attempts, Patience, Trouble, attempted

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import ObjectStore

S3, GOOGLE, AZURE = ("s3", "s3a"), ("gs", "gcs"), ("az", "azure", "adl", "abfs", "abfss")
SCHEMES = (*S3, *GOOGLE, *AZURE)

_PATIENCE = Patience()
_LONGEST = "7 days"  # obstore's own limit for a whole request, body included, is too short for large files
_CREDENTIALS = (
    "credentials come from the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "for what is public, set AWS_SKIP_SIGNATURE=true (GOOGLE_…, AZURE_… likewise)"
)


@dataclass(frozen=True)
class Address:
    """Where an object is.

    Attributes:
        scheme: which provider.
        bucket: its bucket; in Azure, the container.
        key: its name there.
        account: the account in Azure; empty when the environment tells.
    """

    scheme: str
    bucket: str
    key: str
    account: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Understand a URL. Nothing in it is unquoted: keys may hold any character.

        Raises:
            StorageError: it names no bucket or no object, or holds a password.
        """
        scheme, _, rest = url.partition("://")
        host, _, key = rest.partition("/")
        bucket, _, account_host = host.partition("@") if scheme in ("abfs", "abfss") else (host, "", "")
        if "@" in bucket:
            raise StorageError(f"{redacted(url)} holds credentials, which belong into the environment")
        if not bucket or not key:
            raise StorageError(f"{redacted(url)} names no object; it looks like {scheme}://BUCKET/PATH")
        return cls(scheme, bucket, key, account_host.partition(".")[0])


class ObjectSource(RemoteSource):
    """An object. Its version is told by its entity tag, and all requests after the first ask for that one.

    Args:
        url: where it is.
        patience: how long to wait, and how often to try.

    Raises:
        StorageError: it is no such URL, or obstore is not installed.
    """

    def __init__(self, url: str, patience: Patience = _PATIENCE) -> None:
        self._address = Address.parse(url)
        super().__init__(redacted(url))
        self._patience = patience
        with self._translated(self.name):
            self._store: ObjectStore | None = _store(self._address, patience)
        self._meta: ObjectMeta | None = None

    async def aclose(self) -> None:
        """Let go of the connections, which obstore closes with its store."""
        self._store = None

    async def _first_look(self) -> Look:
        return await attempted(self._look_once, self._patience, self.name)

    async def _look_once(self) -> Look:
        with self._translated(self.name):
            by_size = self._address.scheme in AZURE  # which knows no suffixes
            answer = await (self._tail_by_size() if by_size else self._ask({"range": {"suffix": TAIL}}))
        meta, (start, stop) = answer.meta, answer.range
        if stop != meta["size"]:
            raise StorageError(f"{self.name}: the store sends bytes {start}-{stop - 1} of {meta['size']}, not its end")
        tail = b"".join([piece async for piece in _pieces(answer.stream(), stop - start)])
        self._meta = meta
        return Look(meta["size"], _identity(meta), tail)

    async def _tail_by_size(self) -> GetResult:
        import obstore

        meta = await obstore.head_async(self._opened(), self._address.key)
        if not meta["size"]:
            raise StorageError(f"{self.name} is empty")
        self._meta = meta
        start = max(meta["size"] - TAIL, 0)
        return await self._get(Span(start, meta["size"] - start))

    async def _fetch(self, span: Span) -> AsyncGenerator[bytes, None]:
        attempts = Attempts(self._patience, self._where(span))
        while span.length:
            with self._translated(self._where(span)):
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
            options["if_match"] = etag
        answer = await self._ask(options)
        if self._meta and _identity(answer.meta) != _identity(self._meta):
            raise StorageError(f"{self.name} changed while it was read; start again")
        if tuple(answer.range) != (span.start, span.stop):
            raise StorageError(f"{self._where(span)}: the store sends bytes {answer.range} instead")
        return answer

    async def _ask(self, options: GetOptions) -> GetResult:
        import obstore

        return await obstore.get_async(self._opened(), self._address.key, options=options)

    def _opened(self) -> ObjectStore:
        if self._store is None:
            self._store = _store(self._address, self._patience)
        return self._store

    def _where(self, span: Span) -> str:
        return f"{self.name} (bytes {span.start}-{span.stop - 1})"

    @contextmanager
    def _translated(self, where: str) -> Iterator[None]:
        """Turn obstore's errors into ours; without them as causes, since their texts hold URLs that may be signed."""
        try:
            from obstore import exceptions
        except ImportError as error:
            raise StorageError(
                f"{self._address.scheme}: locations need obstore; install it with: pip install 'carton-jupyter[cloud]'"
            ) from error
        try:
            yield
        except StorageError:
            raise
        except FileNotFoundError:
            raise StorageError(f"{where}: there is nothing there") from None
        except exceptions.PreconditionError:
            raise StorageError(f"{self.name} changed while it was read; start again") from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
            raise StorageError(f"{where}: it may not be read; {_CREDENTIALS}") from None
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise StorageError(f"{where}: {_explained(error)}") from None


def _store(address: Address, patience: Patience) -> ObjectStore:
    from obstore import store

    config: dict[str, Any] = {
        # Here, and not as `client_options`, which take the place of what the environment says, such as AWS_ALLOW_HTTP.
        "connect_timeout": f"{patience.connect} seconds",
        "read_timeout": f"{patience.silence} seconds",
        "timeout": _LONGEST,
    }
    options: dict[str, Any] = {
        "config": config,
        "retry_config": {
            "max_retries": patience.attempts - 1,
            "backoff": {
                "init_backoff": timedelta(seconds=patience.delay),
                "max_backoff": timedelta(seconds=patience.longest_delay),
            },
        },
    }
    if address.scheme in S3:
        return store.S3Store(address.bucket, **options)
    if address.scheme in GOOGLE:
        return store.GCSStore(address.bucket, **options)
    if address.account:
        config["account_name"] = address.account
    return store.AzureStore(container_name=address.bucket, **options)


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
        raise Trouble(f"the connection broke ({_explained(error)})") from None
    if left:
        raise Trouble(f"the store sent {length - left} of {length} bytes")


def _explained(error: Exception) -> str:
    text = scrubbed(str(error))
    if "builder error" in text:
        return f"{text}; an endpoint for http: is used only with AWS_ALLOW_HTTP=true (GOOGLE_…, AZURE_… likewise)"
    about_credentials = any(word in text for word in ("169.254", "metadata", "redential"))
    return f"{text}; {_CREDENTIALS}" if about_credentials else text


def _identity(meta: ObjectMeta) -> str:
    return f"{meta['e_tag'] or meta['last_modified'].isoformat()}-{meta['size']}"
