"""A caller who gives up finds nothing of the carton, from the moment on at which she learns that she was heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import carton_runtime as carton
from carton_runtime import Event, Phase

NOOP = {"runner_name": "noop", "required_framework_version": "*"}


@pytest.fixture
def large_model(tmp_path: Path) -> Path:
    """Takes longer to pack than it takes to give up."""
    folder = tmp_path / "large"
    folder.mkdir()
    with (folder / "weights").open("wb") as file:
        file.truncate(1 << 30)
    return folder


def tell(event: asyncio.Event, phase: Phase) -> Callable[[Event], None]:
    """Sets `event` when packing reaches `phase`."""
    loop = asyncio.get_running_loop()

    def on_event(told: Event) -> None:
        if told.step == "model.pack" and told.phase is phase:
            loop.call_soon_threadsafe(event.set)

    return on_event


async def test_a_cancelled_pack_leaves_no_temporary_file(
    large_model: Path, nothing_left: object, temporary: Path
) -> None:
    writing = asyncio.Event()
    packing = asyncio.create_task(carton.pack(large_model, on_event=tell(writing, Phase.PROGRESS), **NOOP))
    await writing.wait()
    assert list(temporary.iterdir()), "otherwise this test proves nothing"
    packing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await packing
    assert list(temporary.iterdir()) == []


async def test_a_cancelled_pack_leaves_the_carton_that_was_there(large_model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "model.carton"
    output.parent.mkdir()
    output.write_bytes(b"the one from before")
    writing = asyncio.Event()
    packing = asyncio.create_task(
        carton.pack(large_model, output_path=output, on_event=tell(writing, Phase.PROGRESS), **NOOP)
    )
    await writing.wait()
    packing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await packing
    assert [(path.name, path.read_bytes()) for path in output.parent.iterdir()] == [
        ("model.carton", b"the one from before")
    ]


async def test_a_pack_that_is_cancelled_at_its_very_end_leaves_nothing_either(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "small").mkdir()
    packing: asyncio.Task[Path]
    loop = asyncio.get_running_loop()

    def on_event(told: Event) -> None:
        if told.step == "model.pack" and told.phase is Phase.FINISHED:
            asyncio.run_coroutine_threadsafe(cancel(), loop).result()

    async def cancel() -> None:
        packing.cancel()

    packing = asyncio.create_task(carton.pack(tmp_path / "small", on_event=on_event, **NOOP))
    with pytest.raises(asyncio.CancelledError):
        await packing
    assert list(temporary.iterdir()) == []
