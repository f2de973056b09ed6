"""Cartons that only link to some of their files, and servers that have those."""

from __future__ import annotations

import gzip
import hashlib
import random
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import brotli
import pytest
import tomli_w
from fix_placing import leftovers
from fix_zips import files_of, write_zip

import carton_runtime as carton
from carton_runtime.contents import mirrors
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.settings import Settings
from carton_runtime.storage.retrying import RetryPolicy
from carton_runtime.testing.range_server import RangeServer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Unlinked = Callable[..., Path]


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


ENCODINGS: Mapping[str, tuple[str, Callable[[bytes], bytes]]] = {
    "zstd": ("zstd", zstd.compress),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "br": ("br", lambda data: brotli.compress(data, quality=3)),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", raw_deflate),
}
"""What a server may call it, and how it is made."""


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


WEIGHTS = random.Random(1).randbytes(700_000) + bytes(400_000)
SHA256 = sha256_of(WEIGHTS)
PICTURE = b"a picture"


def links_file(urls: Mapping[str, Sequence[str]]) -> bytes:
    """A LINKS."""
    return tomli_w.dumps({"version": 1, "urls": {sha256: list(mirrors) for sha256, mirrors in urls.items()}}).encode()


@pytest.fixture
def linking(tmp_path: Path) -> Unlinked:
    """Copies a carton without some of its files, whose URLs are given by path."""

    def link(carton: Path, urls: Mapping[str, Sequence[str]]) -> Path:
        files = files_of(carton)
        manifest = dict(line.rsplit("=", 1) for line in files["MANIFEST"].decode().splitlines())
        kept = {path: content for path, content in files.items() if path not in urls}
        kept["LINKS"] = links_file({manifest[path]: mirrors for path, mirrors in urls.items()})
        return write_zip(tmp_path / "linking.carton", kept)

    return link


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    """A server of mirrors, for which there is little patience."""
    monkeypatch.setenv("NO_PROXY", "*")
    quick = RetryPolicy(attempts=2, delay=0.001, connect=5.0, silence=1.0)  # machines are busy at times
    monkeypatch.setattr(mirrors, "_LAST", quick)
    monkeypatch.setattr(mirrors, "_OTHERS", quick)
    with RangeServer() as server:
        yield server


@pytest.fixture
def pack_noop(packed: Callable[..., Path]) -> Callable[..., Path]:
    """Packs files for the runner that needs nothing."""
    return lambda files, **options: packed(files, runner_name="noop", required_framework_version="*", **options)


async def placed(path: Path | str, cache_dir: Path) -> dict[str, bytes]:
    """The files of a carton's model, as its runner finds them."""
    files = await open_carton(path, Settings.load())
    try:
        place = await place_model(files, cache_dir)
    finally:
        await files.aclose()
    found = {file.relative_to(place.path).as_posix(): file.read_bytes() for file in place.path.rglob("*")}
    place.release()
    return found


async def refusal(path: Path, cache_dir: Path) -> carton.CartonError:
    """The error of a carton whose files cannot be had; nothing of it stays."""
    with pytest.raises(carton.CartonError) as caught:
        await placed(path, cache_dir)
    assert [name for name in leftovers(cache_dir) if not name.endswith("belongs to no model")] == []
    assert not list(cache_dir.rglob("weights"))
    return caught.value
