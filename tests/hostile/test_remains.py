"""A load that fails leaves nothing, even of what was on its way in a thread just then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from hostile.drafts import Draft
from hostile.sandbox import Sandbox
from hostile.zoo_folders import unpack
from hostile.zoo_zips import BIG, BIG_CONTENT

import carton_runtime as carton
from carton_runtime import FormatError, StorageError
from carton_runtime.contents.filling import Filling
from carton_runtime.contents.zipped import ZippedContents
from carton_runtime.storage.delivery import Delivery


async def test_files_that_are_being_placed_when_another_is_refused_are_removed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    placing, undone = threading.Event(), threading.Event()
    link, undo = Filling._link, Filling.undo

    def late(filling: Filling, stored: Path, paths: Iterable[str]) -> bool:
        placing.set()
        undone.wait(0.5)  # comes only when what is to be undone has not been waited for
        return link(filling, stored, paths)

    def told(filling: Filling) -> None:
        undo(filling)
        undone.set()

    async def refused(_: ZippedContents, path: str) -> Delivery:
        await asyncio.to_thread(placing.wait)
        raise FormatError("is refused", where=path)

    monkeypatch.setattr(Filling, "_link", late)
    monkeypatch.setattr(Filling, "undo", told)
    monkeypatch.setattr(ZippedContents, "deliver", refused)
    path = sandbox.cartons / "big.carton"
    path.write_bytes(Draft(method=0).with_files({BIG: BIG_CONTENT}).zipped())
    sandbox.start()
    with pytest.raises(FormatError, match="is refused"):
        await carton.load(path, visible_device="cpu")
    sandbox.check_untouched()
    sandbox.check_no_remains()


async def test_a_carton_that_no_disk_can_hold_costs_nobody_a_file(sandbox: Sandbox) -> None:
    honest = sandbox.cartons / "honest.carton"
    honest.write_bytes(Draft().with_files({"model/mine.bin": b"what only this one has"}).zipped())
    async with await carton.load(honest, visible_device="cpu"):
        pass
    kept = sorted(path for path in (sandbox.cache / "files").rglob("*") if path.is_file())
    assert kept
    folder = unpack(Draft().with_files({BIG: b"", "model/other.bin": b"other"}), sandbox.cartons / "huge")
    with (folder / BIG).open("r+b") as file:
        file.truncate(1 << 43)  # without a block of it on the disk
    with pytest.raises(StorageError, match=r"the disk of the cache at .* is full"):
        await carton.load(folder, visible_device="cpu")
    assert sorted(path for path in (sandbox.cache / "files").rglob("*") if path.is_file()) == kept
