"""Large cartons on the disk: packed, loaded for the first time, and loaded again."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from carton_runtime import Settings, sync
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from tests.bench.home import Home
from tests.bench.table import Row
from tests.bench.timing import Batch, each, each_awaited, in_turns

_SIZE = 1 << 30
_LEAST = 8 << 20  # smaller files are compressed
_PIECE = 1 << 20


def large_carton(home: Home) -> list[Row]:
    """Pack, load and load again a carton with a gigabyte of weights."""
    folder = home.folder / "large"
    folder.mkdir()
    try:
        model = _model(folder / "model", max(_LEAST, home.times(_SIZE)))
        return asyncio.run(_rows(home, folder, model))
    finally:
        shutil.rmtree(folder)


def _model(folder: Path, size: int) -> Path:
    folder.mkdir()
    with (folder / "weights").open("wb") as file:
        for start in range(0, size, _PIECE):
            file.write(os.urandom(min(_PIECE, size - start)))
    return folder


async def _rows(home: Home, folder: Path, model: Path) -> list[Row]:
    carton, copy, out = folder / "large.carton", folder / "copy", folder / "unzipped"
    files = _Files(carton, folder / "cache")
    pack = _timed(lambda: _pack(model, carton), lambda: carton.unlink(missing_ok=True))
    sums = _timed(
        lambda: _run("sha256sum", str(model / "weights")) or _run("cp", str(model / "weights"), str(copy)),
        lambda: copy.unlink(missing_ok=True),
    )
    packing = await in_turns({"ours": pack, "base": sums}, rounds=home.times(3), calls=1)
    # unzip knows no zstd, which what describes a carton is compressed with.
    unpack = ("unzip", "-q", str(carton), "model/weights", "-d", str(out))
    unzip = _timed(lambda: _run(*unpack), lambda: shutil.rmtree(out, ignore_errors=True))
    copying = _timed(lambda: _run("cp", str(carton), str(copy)), lambda: copy.unlink(missing_ok=True))
    loads = {"first": files.first, "second": each_awaited(files.place), "whole": files.whole, "copy": copying}
    loads |= {"unzip": unzip} if shutil.which("unzip") else {}
    series = await in_turns(loads, rounds=home.times(3), calls=1)
    unzipped = series["unzip"].p50 if "unzip" in series else None
    note = f"{carton.stat().st_size / 1e9:.2g} GB; baseline: "
    return [
        Row("pack", packing["ours"].p50, packing["base"].p50, "s", bar=1.5, note=f"{note}sha256sum and cp"),
        Row("first load, files ready", series["first"].p50, unzipped, "ms", note=f"{note}unzip"),
        Row("second load, files ready", series["second"].p50, series["copy"].p50, "ms", bar=0.1, note=f"{note}cp"),
        Row("second load, model ready", series["whole"].p50, series["copy"].p50, "ms", note=f"{note}cp"),
    ]


class _Files:
    """Loads of one carton, with a cache of their own."""

    def __init__(self, carton: Path, cache: Path) -> None:
        self._carton = carton
        self._cache = cache

    async def place(self) -> None:
        """Open it, and have the files that its runner needs in place."""
        files = await open_carton(self._carton, Settings.load())
        (await place_model(files, self._cache)).release()
        await files.contents.aclose()

    async def first(self, calls: int) -> list[float]:
        """The seconds of loads that find the cache empty."""
        seconds = []
        for _ in range(calls):
            shutil.rmtree(self._cache, ignore_errors=True)
            seconds += await each_awaited(self.place)(1)
        return seconds

    async def whole(self, calls: int) -> list[float]:
        """The seconds until the process of the model is ready as well."""
        return await asyncio.to_thread(lambda: [self._load() for _ in range(calls)])

    def _load(self) -> float:
        start = time.perf_counter()
        model = sync.load(self._carton)
        seconds = time.perf_counter() - start
        model.close()  # closing is not part of the measure
        return seconds


def _timed(work: Callable[[], object], prepare: Callable[[], object]) -> Batch:
    """A batch that prepares each call, which is not part of the measure."""

    async def batch(calls: int) -> list[float]:
        seconds = []
        for _ in range(calls):
            prepare()
            seconds += await each(work)(1)
        return seconds

    return batch


def _pack(model: Path, carton: Path) -> None:
    sync.pack(model, output_path=carton, runner_name="noop", required_framework_version="*")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
