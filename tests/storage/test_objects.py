"""Objects of S3, Google and Azure.

S3 is moto's server (`fix_buckets`), which also stands in for Google Cloud Storage: obstore asks both alike for listings
and ranges. Tried and of no use for Google: gcp-storage-emulator, which has the JSON API alone. For Azure nothing that
pip can install serves (Azurite is JavaScript). Where requests are to be looked at, or to fail, `RangeServer` stands in
for both: a GET with a range below BUCKET/KEY is all that obstore needs to read an object, and not to list any.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fix_buckets import Bucket
from storage.conftest import DATA, QUICK, policy_with
from storage.test_http import FAR, part, ranges

import carton_runtime as carton
from carton_runtime.errors import StorageError
from carton_runtime.storage.base import PIECE, Span
from carton_runtime.storage.locate import locate
from carton_runtime.storage.objects.address import Address
from carton_runtime.storage.objects.source import ObjectSource
from carton_runtime.storage.remote import TAIL
from carton_runtime.storage.retrying import RetryPolicy
from carton_runtime.testing.leaks import LeakDetector
from carton_runtime.testing.range_server import Faults, RangeServer

Put = Callable[[str, bytes], str]


@pytest.fixture
def put(bucket: Bucket) -> Put:
    """Puts an object into a bucket; gives its URL."""
    return bucket.put


async def test_an_object_is_read_by_ranges(put: Put) -> None:
    source = ObjectSource(put("a/data", DATA), QUICK)
    assert await source.size() == len(DATA)
    spans = [FAR, Span(0, 1), Span(len(DATA) - 10, 10), Span(len(DATA) - TAIL - 5, 10), Span(3, 0), Span(0, len(DATA))]
    assert await source.read_ranges(spans) == [part(span) for span in spans]
    assert await source.read(*FAR) == part(FAR)
    await source.aclose()


async def test_google_is_read_by_ranges_too(put: Put) -> None:
    url = put("a/data ü", DATA).replace("s3:", "gs:")
    source = ObjectSource(url, QUICK)
    spans = [FAR, Span(0, 1), Span(len(DATA) - 10, 10)]
    assert await source.read_ranges(spans) == [part(span) for span in spans]
    put("a/data ü", DATA[::-1])
    with pytest.raises(StorageError, match="changed while it was read; start again"):
        await source.read(*FAR)


async def test_a_large_object_is_streamed(put: Put) -> None:
    data = DATA * 12
    source = ObjectSource(put("data", data), QUICK)
    pieces = [piece async for piece in source.stream(5, len(data) - 5)]
    assert b"".join(pieces) == data[5:]
    assert all(0 < len(piece) <= PIECE for piece in pieces)


@pytest.mark.parametrize("key", ["data", "a/b/c", "with space", "100%25", "ü", "a+b&c=d?e#f"])
async def test_keys_may_hold_any_character(put: Put, key: str) -> None:
    assert await ObjectSource(put(key, b"content"), QUICK).read(0, 7) == b"content"


async def test_an_object_that_changes_is_noticed(put: Put) -> None:
    source = ObjectSource(put("data", DATA), QUICK)
    await source.size()
    put("data", DATA[::-1])
    with pytest.raises(StorageError, match=r"^s3://models/data changed while it was read; start again$"):
        await source.read(*FAR)


async def test_the_identity_is_that_of_the_content(put: Put) -> None:
    first = await ObjectSource(put("data", DATA), QUICK).identity()
    assert await ObjectSource(put("copy", DATA), QUICK).identity() == first
    assert await ObjectSource(put("data", DATA[:-1]), QUICK).identity() != first


async def test_nothing_there_is_said_to_be_so(put: Put) -> None:
    for url in ("s3://models/missing", "s3://no-such-bucket/data"):
        with pytest.raises(
            StorageError, match=f"^{url}: there is nothing there; if it is an unpacked carton, end its URL"
        ):
            await ObjectSource(url, QUICK).size()


async def test_a_model_is_loaded_from_a_bucket(put: Put, double_carton: Path) -> None:
    url = put("models/double.carton", double_carton.read_bytes())
    assert (await carton.get_model_info(url)).model_hash == (await carton.get_model_info(double_carton)).model_hash
    async with await carton.load(url) as model:
        assert (await model.infer({"x": np.array(21)}))["out"] == 42


@pytest.fixture
def google(server: RangeServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RangeServer:
    account = {"gcs_base_url": server.url, "disable_oauth": True, "client_email": "", "private_key": ""}
    (tmp_path / "account.json").write_text(json.dumps({**account, "private_key_id": ""}))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(tmp_path / "account.json"))
    monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
    return server


@pytest.fixture
def azure(server: RangeServer, monkeypatch: pytest.MonkeyPatch) -> RangeServer:
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", server.url)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2020&sig=hunter2")
    monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
    return server


async def test_an_object_that_was_read_leaves_nothing(google: RangeServer) -> None:
    google.serve("bucket/data", DATA)
    await ObjectSource("gs://bucket/data", QUICK).size()  # starts obstore's own threads, which stay
    detector = LeakDetector()
    source = ObjectSource("gs://bucket/data", QUICK)
    await source.read(*FAR)
    assert detector.found(patience=0.0), "a connection that is kept would be found"
    await source.aclose()
    assert detector.found() == []
    assert await source.read(*FAR) == part(FAR)
    await source.aclose()


async def test_google_is_asked_for_a_suffix_and_then_for_that_version(google: RangeServer) -> None:
    google.serve("bucket/path/data", DATA)
    source = ObjectSource("gs://bucket/path/data", QUICK)
    assert await source.read(*FAR) == part(FAR)
    assert ranges(google, "bucket/path/data") == [f"bytes=-{TAIL}", "bytes=1000-500999"]
    first, second = google.requests("bucket/path/data")
    assert "if-match" not in first.headers
    assert "if-match" in second.headers


@pytest.mark.parametrize("url", ["az://box/path/data", "abfs://box@account.dfs.core.windows.net/path/data"])
async def test_azure_is_asked_for_the_size_first(azure: RangeServer, url: str) -> None:
    azure.serve("box/path/data", DATA)
    source = ObjectSource(url, QUICK)
    assert await source.read(*FAR) == part(FAR)
    asked = azure.requests("box/path/data")
    assert [request.method for request in asked] == ["HEAD", "GET", "GET"]
    assert len({request.headers.get("if-match") for request in asked[1:]}) == 1


@pytest.mark.parametrize("stand_in", ["google", "azure"])
async def test_changes_are_noticed_by_all(request: pytest.FixtureRequest, stand_in: str) -> None:
    server: RangeServer = request.getfixturevalue(stand_in)
    server.serve("bucket/data", DATA, Faults(change_after=2))
    source = ObjectSource({"google": "gs", "azure": "az"}[stand_in] + "://bucket/data", QUICK)
    await source.size()
    with pytest.raises(StorageError, match="bucket/data changed while it was read; start again"):
        await asyncio.gather(source.read(*FAR), source.read(0, 5))


TROUBLE = {
    "missing": (Faults(statuses=(404,) * 99), ": there is nothing there"),
    "forbidden": (Faults(statuses=(403,) * 99), ": it may not be read; credentials come from the environment"),
    "unknown": (Faults(statuses=(401,) * 99), ": it may not be read; credentials come from the environment"),
    "broken": (Faults(statuses=(500,) * 99), ": .*500 Internal Server Error"),
    "beside": (Faults(shift=7), ": .*Requested .*, got"),
    "silent": (Faults(stall_after=100), ": .*body error"),
    "early": (Faults(close_after=100), ": .*body error"),
    "crumbs": (Faults(most=10), ": .*Requested .*, got"),
    "without ranges": (Faults(ignore_ranges=True), ": .*Received non-partial response"),
    "too long": (Faults(encoding="gzip"), " changed|: the store sends more than"),
}


@pytest.mark.parametrize(("faults", "says"), TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("late", [False, True], ids=["at the first look", "while reading"])
async def test_trouble_is_a_typed_error_without_secrets(
    azure: RangeServer, faults: Faults, says: str, late: bool, caplog: pytest.LogCaptureFixture
) -> None:
    source = ObjectSource("az://box/data", policy_with(faults))
    azure.serve("box/data", DATA, Faults() if late else faults)
    with pytest.raises(StorageError, match=rf"^az://box/data.*({says})") as caught:  # noqa: PT012  one of the two raises
        await source.size()
        azure.serve("box/data", DATA, faults)
        await source.read(*FAR)
    assert "sig=hunter2" in azure.requests("box/data")[-1].query, "otherwise there is no secret to show"
    assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r} {caplog.text}"


async def test_who_is_asking_need_not_be_waited_for_as_long_as_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside Amazon's machines there may be something that keeps silent where theirs give out credentials."""
    silent = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    source = ObjectSource("s3://bucket/data", RetryPolicy(first_look=0.5))
    with pytest.raises(StorageError, match=r"^s3://bucket/data: nothing was heard for 0.5 seconds; credentials come"):
        await source.size()
    asking, _ = silent.accept()
    assert asking.recv(100).startswith(b"PUT /latest/api/token")
    asking.close()
    silent.close()


async def test_a_download_goes_on_where_it_broke_off(google: RangeServer) -> None:
    google.serve("bucket/data", DATA, Faults(close_after=100_000, times=2))
    source = ObjectSource("gs://bucket/data", QUICK)
    assert await source.size() == len(DATA)
    google.serve("bucket/data", DATA, Faults(close_after=100_000, times=2))
    assert await source.read(*FAR) == part(FAR)
    assert len(google.requests("bucket/data")) == 3


async def test_an_object_that_is_empty_is_said_to_be_so(azure: RangeServer) -> None:
    azure.serve("box/data", b"")
    with pytest.raises(StorageError, match=r"^az://box/data is empty$"):
        await ObjectSource("az://box/data", QUICK).size()


async def test_a_version_that_is_weak_is_compared_and_not_asked_for(google: RangeServer) -> None:
    google.serve("bucket/data", DATA, Faults(etag="weak"))
    source = ObjectSource("gs://bucket/data", QUICK)
    assert await source.read(*FAR) == part(FAR)
    assert "if-match" not in google.requests("bucket/data")[-1].headers
    google.serve("bucket/data", DATA, Faults(etag="weak", change_after=0))
    with pytest.raises(StorageError, match="changed while it was read"):
        await source.read(*FAR)


async def test_an_endpoint_without_encryption_has_to_be_wanted(
    azure: RangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_ALLOW_HTTP")
    with pytest.raises(StorageError, match=r"an endpoint for http: is used only with AWS_ALLOW_HTTP=true"):
        await ObjectSource("az://box/data", QUICK).size()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket/a/b c%20", Address("s3", "bucket", "a/b c%20")),
        ("abfss://box@name.dfs.core.windows.net/a", Address("abfss", "box", "a", "name")),
        ("abfs://box/a", Address("abfs", "box", "a")),
        ("S3://Bucket/A/", Address("s3", "Bucket", "A/")),
    ],
)
def test_addresses_are_understood(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize("url", ["s3://", "s3://bucket", "gs:///key"])
def test_addresses_that_name_no_object_are_refused(url: str) -> None:
    with pytest.raises(StorageError, match="names no object"):
        locate(url, carton.Settings())


def test_credentials_in_a_url_are_refused_and_not_shown() -> None:
    with pytest.raises(StorageError, match=r"^s3://bucket/a holds credentials, which belong into the env") as caught:
        locate("s3://AKIA:hunter2@bucket/a", carton.Settings())
    assert "hunter2" not in repr(caught.value)


def test_without_obstore_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["obstore"] = None
import carton_runtime as carton
try:
    carton.sync.get_model_info("s3://bucket/a")
except carton.StorageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "s3: locations need obstore; install it with: pip install 'carton-jupyter[cloud]'\n"
