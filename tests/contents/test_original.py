"""Cartons as the original Carton writes them, and as older ones lie around: made here byte by byte."""

from __future__ import annotations

import hashlib
import struct
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from fix_models import DOUBLE, HOST_VERSION
from fix_zips import manifest_of

import carton_runtime as carton

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CARTON_TOML = f"""
spec_version = 1
model_name = "original"
some_future_key = 5

[[input]]
name = "x"
dtype = "int64"
shape = "*"
some_future_key = [1, 2]

[[output]]
name = "out"
dtype = "float32"
shape = "*"
internal_name = "out:0"

[runner]
runner_name = "python"
required_framework_version = "{HOST_VERSION}"
runner_compat_version = 1
some_future_key = true

[runner.opts]
entrypoint_package = "linked"
entrypoint_fn = "get_model"
"model.flag" = 1

[some_future_table]
key = "value"
""".encode()
MODEL = DOUBLE.replace("get_model()", "get_model(flag: bool)").encode()
FILES = {
    "carton.toml": CARTON_TOML,
    "model/main.py": MODEL,
    "model/requirements.txt": b"",
    "tensor_data/index.toml": b"tensor = []\n",
}
STORED, DEFLATED, ZSTD = 0, 8, 93


def entry(name: str, content: bytes, method: int, *, is_link: bool = False) -> tuple[bytes, bytes]:
    """An entry and its line in the directory: date 1980-00-00, and attributes 0 unless it is a link."""
    data = {STORED: bytes, DEFLATED: deflated, ZSTD: zstd.compress}[method](content)
    path, made_by, attributes = name.encode(), 3 << 8 if is_link else 0, 0o120777 << 16 if is_link else 0
    numbers = (method, 0, 0, zlib.crc32(content), len(data), len(content), len(path), 0)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 46, 0, *numbers) + path + data
    listed = struct.pack("<4s6H3L5H2L", b"PK\1\2", made_by, 46, 0, *numbers, 0, 0, 0, attributes, 0)
    return local, listed[:-4] + b"%s" + path


def deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(content) + stream.flush()


def write(
    path: Path, files: Mapping[str, bytes], method: int, links: Mapping[str, str], *, elsewhere: str = ""
) -> Path:
    """A zip of `files` and `links`; MANIFEST and LINKS are stored, as by the original."""
    targets = {name: files[f"model/{target}"] for name, target in links.items()}
    manifest = manifest_of({**files, **targets})
    entries = [entry(name, content, method) for name, content in files.items()]
    entries += [entry(name, target.encode(), STORED, is_link=True) for name, target in links.items()]
    entries.append(entry("MANIFEST", manifest, STORED))
    if elsewhere:
        entries.append(entry("LINKS", elsewhere.encode(), STORED))
    body, directory = b"", b""
    for local, listed in entries:
        fixed, path_bytes = listed.split(b"%s", 1)
        directory += fixed + struct.pack("<L", len(body)) + path_bytes
        body += local
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


@pytest.mark.parametrize("method", [STORED, DEFLATED, ZSTD], ids=["stored", "deflated", "zstd"])
async def test_an_old_carton_runs(tmp_path: Path, method: int) -> None:
    path = write(tmp_path / "old", FILES, method, {"model/linked.py": "main.py"})  # and its name has no ending
    async with await carton.load(path) as model:
        with pytest.warns(carton.SpecWarning, match="output 'out' has dtype int64, its spec says float32"):
            assert (await model.infer(21))["out"] == 42
        assert model.info.model_name == "original"
        assert model.info.outputs[0].internal_name == "out:0"


async def test_a_carton_with_links_elsewhere_runs_on_what_it_holds(tmp_path: Path) -> None:
    sha256 = hashlib.sha256(MODEL).hexdigest()
    links = f'version = 1\nunknown = 1\n[urls]\n{sha256} = ["https://example.org/never-asked"]\n'
    path = write(tmp_path / "with-links", FILES, ZSTD, {"model/linked.py": "main.py"}, elsewhere=links)
    async with await carton.load(path) as model:
        assert model.info.model_name == "original"


async def test_links_do_not_change_the_model_hash(tmp_path: Path) -> None:
    both = [
        write(tmp_path / "a", FILES, ZSTD, {}),
        write(tmp_path / "b", FILES, ZSTD, {}, elsewhere="version = 1\n[urls]\n"),
    ]
    assert len({(await carton.get_model_info(path)).model_hash for path in both}) == 1


async def test_an_old_carton_without_requirements_and_lock_is_resolved_anew(tmp_path: Path) -> None:
    files = {name: content for name, content in FILES.items() if name != "model/requirements.txt"}
    async with await carton.load(write(tmp_path / "bare", files, ZSTD, {"model/linked.py": "main.py"})) as model:
        assert model.kernel.numpy
