"""Where an object is."""

from __future__ import annotations

from dataclasses import dataclass

from carton_runtime.errors import StorageError
from carton_runtime.storage.redact import redacted

S3, GOOGLE, AZURE = ("s3", "s3a"), ("gs", "gcs"), ("az", "azure", "adl", "abfs", "abfss")
SCHEMES = (*S3, *GOOGLE, *AZURE)


@dataclass(frozen=True)
class Address:
    """Where an object or a folder of objects is.

    Attributes:
        scheme: which provider.
        bucket: its bucket; in Azure, the container.
        key: its name there; that of a folder ends with a slash, or is empty.
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
            StorageError: it names no bucket or nothing in it, or holds a password.
        """
        scheme, _, rest = url.partition("://")
        host, slash, key = rest.partition("/")
        bucket, _, account_host = host.partition("@") if scheme.lower() in ("abfs", "abfss") else (host, "", "")
        if "@" in bucket:
            raise StorageError(f"{redacted(url)} holds credentials, which belong into the environment")
        if not bucket or not slash:
            raise StorageError(f"{redacted(url)} names no object; it looks like {scheme}://BUCKET/PATH")
        return cls(scheme.lower(), bucket, key, account_host.partition(".")[0])
