"""Cartons on a web server: what it costs to look at one, against downloading it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from carton_runtime import get_model_info, sync
from tests.bench.home import Home
from tests.bench.table import Row
from tests.bench.timing import each, each_awaited, in_turns

_SIZE = 1 << 28
_PIECE = 1 << 20
_FILES = 10_000

_SERVER = """
import sys
from pathlib import Path
from carton_runtime.testing.range_server import RangeServer
with RangeServer() as server:
    for path in map(Path, sys.argv[1:]):
        print(server.serve(path.name, path), flush=True)
    sys.stdin.read()
"""


def remote_card(home: Home) -> list[Row]:
    """The card of a large carton, and of one with very many files, against downloading the large one."""
    folder = home.folder / "remote"
    folder.mkdir()
    try:
        large = _pack(folder, "large", {"weights": max(_PIECE, home.times(_SIZE))})
        many = _pack(folder, "many", {f"part_{number:05}/weights": 10 for number in range(home.times(_FILES))})
        with _served(large, many) as urls:
            return asyncio.run(_rows(home, *urls, folder / "download"))
    finally:
        shutil.rmtree(folder)


async def _rows(home: Home, large: str, many: str, copy: Path) -> list[Row]:
    series = await in_turns(
        {
            "large": each_awaited(lambda: get_model_info(large)),
            "many": each_awaited(lambda: get_model_info(many)),
            "download": each(_downloading(large, copy)),
        },
        rounds=home.times(10),
        calls=1,
    )
    download, note = (
        series["download"].p50,
        f"baseline: download of {copy.stat().st_size / 1e6:.0f} MB, on loopback",
    )
    return [
        Row("card of a large carton far away", series["large"].p50, download, "ms", bar=0.2, note=note),
        Row(f"card of one with {_FILES:,} files", series["many"].p50, download, "ms", bar=0.2, note=note),
    ]


def _downloading(url: str, copy: Path) -> Callable[[], None]:
    def download() -> None:
        with copy.open("wb") as file, httpx.stream("GET", url, trust_env=False) as answer:
            for piece in answer.iter_bytes(_PIECE):
                file.write(piece)

    return download


def _pack(folder: Path, name: str, sizes: dict[str, int]) -> Path:
    model = folder / name
    for path, size in sizes.items():
        (model / path).parent.mkdir(parents=True, exist_ok=True)
        with (model / path).open("wb") as file:
            for start in range(0, size, _PIECE):
                file.write(os.urandom(min(_PIECE, size - start)))
    return sync.pack(
        model,
        output_path=folder / f"{name}.carton",
        runner_name="noop",
        required_framework_version="*",
        model_name=name,
    )


@contextmanager
def _served(*cartons: Path) -> Iterator[list[str]]:
    """A web server with cartons, in a process of its own, so that it takes no time of ours."""
    command = [sys.executable, "-c", _SERVER, *map(str, cartons)]
    before = os.environ.get("NO_PROXY")
    os.environ["NO_PROXY"] = "*"
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            yield [server.stdout.readline().strip() for _ in cartons]
            server.communicate()  # it ends when nobody can write to it any more
    finally:
        os.environ.pop("NO_PROXY")
        if before is not None:
            os.environ["NO_PROXY"] = before
