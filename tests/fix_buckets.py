"""Buckets on loopback: moto's S3, with listing, ranges, versions and signatures, as far as it has them.

It serves as stand-in for Google Cloud Storage too, whose XML API, which obstore speaks, is S3's but for the signatures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import obstore.store
import pytest

_MOTO = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=True)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


class Moto:
    """A server of buckets.

    Attributes:
        url: where it is.
    """

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log
        self._read = 0

    def requests(self) -> list[str]:
        """Method, address and status of each request since this was last called."""
        lines = self._log.read_text().splitlines()
        new, self._read = lines[self._read :], len(lines)
        return [line.partition('] "')[2] for line in new if '] "' in line]


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    log = tmp_path_factory.mktemp("moto") / "log"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with log.open("w") as errors, subprocess.Popen([sys.executable, "-c", _MOTO], stderr=errors, **pipes) as process:
        port = next((line.strip() for line in process.stdout if line.strip().isdigit()), "")
        assert port, "moto's server did not start"
        # The runtime of obstore stays, with descriptors, once it was needed: let no test be said to have left it.
        obstore.put(obstore.store.MemoryStore(), "any", b"")
        yield Moto(f"http://127.0.0.1:{port}", log)
        process.kill()


class Bucket:
    """The bucket ``models``, and nothing in it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        client.create_bucket(Bucket="models")

    def put(self, key: str, content: bytes) -> str:
        """Put an object there; its URL."""
        # Without a signature, as Google's requests come, only what is public may be read
        self._client.put_object(Bucket="models", Key=key, Body=content, ACL="public-read")
        return f"s3://models/{key}"

    def put_all(self, files: Mapping[str, bytes], below: str) -> str:
        """Put files into a folder; its URL."""
        for path, content in files.items():
            self.put(f"{below}/{path}", content)
        return f"s3://models/{below}/"

    def remove(self, key: str) -> None:
        """Take an object away."""
        self._client.delete_object(Bucket="models", Key=key)

    def empty(self) -> None:
        """Take all of them away."""
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket="models"):
            for entry in page.get("Contents", []):
                self.remove(entry["Key"])


@pytest.fixture
def bucket(moto: Moto, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bucket]:
    """A bucket, and an environment that says where ``s3:`` and ``gs:`` are, as users would."""
    import boto3

    account = {"gcs_base_url": moto.url, "disable_oauth": True, "client_email": "", "private_key": ""}
    (tmp_path / "account.json").write_text(json.dumps({**account, "private_key_id": ""}))
    for name, value in {
        "NO_PROXY": "*",
        "AWS_ENDPOINT_URL": moto.url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "AKIAhunter1",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_REGION": "us-east-1",
        "GOOGLE_SERVICE_ACCOUNT": str(tmp_path / "account.json"),
        "GOOGLE_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=moto.url, region_name="us-east-1")
    bucket = Bucket(client)
    yield bucket
    bucket.empty()
    client.close()
