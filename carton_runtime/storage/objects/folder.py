"""The objects whose names begin alike, which people call a folder."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from carton_runtime.storage.base import Folder, Listed, Source
from carton_runtime.storage.objects.address import Address
from carton_runtime.storage.objects.bucket import Bucket
from carton_runtime.storage.objects.source import POLICY, ObjectSource
from carton_runtime.storage.redact import redacted
from carton_runtime.storage.retrying import RetryPolicy


class ObjectFolder(Folder):
    """A folder of a bucket. What was listed is read in that version, without another look at it.

    Args:
        url: where it is; ends with a slash.
        policy: how long to wait, and how often to try.

    Raises:
        StorageError: it is no such URL, or obstore is not installed.
    """

    def __init__(self, url: str, policy: RetryPolicy = POLICY) -> None:
        self._address = Address.parse(url)
        self.name = redacted(url)
        self._url = url
        self._policy = policy
        self._bucket = Bucket(self._address, policy, self.name)

    async def entries(self) -> AsyncGenerator[Listed, None]:
        """All objects in it; those by which a provider's web page marks folders lose their slash, and are empty."""
        with self._bucket.translated(self.name, self.name):
            async with aclosing(self._bucket.pages(self._address.key)) as pages:
                async for page in pages:
                    for meta in page:
                        path = f"{meta['path']}/".removeprefix(self._address.key).removesuffix("/")
                        known = meta if meta["e_tag"] else None  # without it, nothing tells that it is still the same
                        source = partial(ObjectSource, self._url + path, self._policy, self._bucket, known)
                        yield Listed(path, meta["size"], source)

    def file(self, path: str) -> Source:
        """An object in it, which need not be there."""
        return ObjectSource(self._url + path, self._policy, self._bucket)

    async def aclose(self) -> None:
        """Let go of the connections."""
        self._bucket.close()
