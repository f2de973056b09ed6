"""A bucket, asked through obstore.

Who is asking, which region, and another endpoint than the provider's come from the environment, as obstore reads it:
``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ``GOOGLE_APPLICATION_CREDENTIALS``, ``AZURE_STORAGE_ACCOUNT_NAME``, …
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from carton_runtime.errors import StorageError
from carton_runtime.storage.base import NotThereError
from carton_runtime.storage.objects.address import GOOGLE, S3, Address
from carton_runtime.storage.redact import scrubbed
from carton_runtime.storage.retrying import RetryPolicy

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult, ObjectMeta
    from obstore.store import ObjectStore

_LONGEST = "7 days"  # obstore's own limit for a whole request, body included, is too short for large files
_PAGE = 1000  # objects that one request lists; no provider gives more
CREDENTIALS = (
    "credentials come from the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
    "for what is public, set AWS_SKIP_SIGNATURE=true (GOOGLE_…, AZURE_… likewise)"
)


class Bucket:
    """The bucket of an address; whoever asks it does so within `translated`.

    Args:
        address: of anything in it.
        policy: how long to wait, and how often to try.
        name: what to call the address in messages.

    Raises:
        StorageError: obstore is not installed, or understands the environment's settings not.
    """

    def __init__(self, address: Address, policy: RetryPolicy, name: str) -> None:
        self._address = address
        self._policy = policy
        with self.translated(name, name):
            self._store: ObjectStore | None = _store(address, policy)

    def close(self) -> None:
        """Let go of the connections, which obstore closes with its store. The next question opens one again."""
        self._store = None

    async def get(self, key: str, options: GetOptions) -> GetResult:
        """Ask for an object, or a range of it."""
        import obstore

        return await obstore.get_async(self._opened(), key, options=options)

    async def head(self, key: str) -> ObjectMeta:
        """Ask what is known of an object."""
        import obstore

        return await obstore.head_async(self._opened(), key)

    async def pages(self, prefix: str) -> AsyncGenerator[Sequence[ObjectMeta], None]:
        """All objects below a prefix, some at a time."""
        import obstore

        async for page in obstore.list(self._opened(), prefix or None, chunk_size=_PAGE):
            yield page

    def _opened(self) -> ObjectStore:
        if self._store is None:
            self._store = _store(self._address, self._policy)
        return self._store

    @contextmanager
    def translated(self, where: str, name: str) -> Iterator[None]:
        """Turn obstore's errors into ours; without them as causes, since their texts hold URLs that may be signed.

        Args:
            where: what is asked for, for messages.
            name: the object of which it is a part.
        """
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
            raise NotThereError(f"{where}: there is nothing there") from None
        except exceptions.PreconditionError:
            raise StorageError(f"{name} changed while it was read; start again") from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
            raise StorageError(f"{where}: it may not be read; {CREDENTIALS}") from None
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise StorageError(f"{where}: {explained(error)}") from None


def _store(address: Address, policy: RetryPolicy) -> ObjectStore:
    from obstore import store

    config: dict[str, Any] = {
        # Here, and not as `client_options`, which take the place of what the environment says, such as AWS_ALLOW_HTTP.
        "connect_timeout": f"{policy.connect} seconds",
        "read_timeout": f"{policy.silence} seconds",
        "timeout": _LONGEST,
    }
    options: dict[str, Any] = {
        "config": config,
        "retry_config": {
            "max_retries": policy.attempts - 1,
            "backoff": {
                "init_backoff": timedelta(seconds=policy.delay),
                "max_backoff": timedelta(seconds=policy.longest_delay),
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


def explained(error: Exception) -> str:
    """The reason of one of obstore's errors, with what to do about it."""
    text = scrubbed(str(error))
    if "builder error" in text:
        return f"{text}; an endpoint for http: is used only with AWS_ALLOW_HTTP=true (GOOGLE_…, AZURE_… likewise)"
    about_credentials = any(word in text for word in ("169.254", "metadata", "redential"))
    return f"{text}; {CREDENTIALS}" if about_credentials else text
