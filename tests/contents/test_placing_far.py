"""A model that is far away: fetched once whoever asks, and from where it broke off."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fix_placing import Placer, leftovers

from carton_runtime.contents.carton import CartonFiles
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.errors import StorageError
from carton_runtime.events import Event, Phase
from carton_runtime.settings import Settings
from carton_runtime.testing.range_server import Faults, RangeServer

MB = 1_000_000
OVERHEAD = 400_000  # bytes for what describes the carton, and for headers


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with RangeServer() as server:
        yield server


def weights(size: int, seed: int = 1) -> bytes:
    source = random.Random(seed)
    return b"".join(source.randbytes(MB) for _ in range(size // MB))


@pytest.fixture
def pack_noop(packed: Callable[..., Path]) -> Callable[..., Path]:
    """Packs files for the runner that needs nothing."""
    return lambda files, **options: packed(files, runner_name="noop", required_framework_version="*", **options)


@pytest.fixture
def large(pack_noop: Callable[..., Path]) -> Path:
    """A carton with a file that is stored and one that is compressed, both large, and some that are small."""
    text = weights(8 * MB).translate(b"acgt" * 64)
    files = {"weights": weights(8 * MB), "text": text, **{f"{number}.py": b"pass" * number for number in range(20)}}
    return pack_noop(files)


async def opened(url: str) -> CartonFiles:
    return await open_carton(url, Settings.load())


async def test_all_of_a_model_is_fetched_once(server: RangeServer, large: Path, cache_dir: Path) -> None:
    url = server.serve("large.carton", large)
    files = await opened(url)
    (await place_model(files, cache_dir)).release()
    assert server.sent("large.carton") <= large.stat().st_size + OVERHEAD
    assert len(server.requests("large.carton")) <= 6
    before = server.sent("large.carton")
    (await place_model(files, cache_dir)).release()
    assert server.sent("large.carton") == before
    assert leftovers(cache_dir) == []
    await files.contents.aclose()


async def test_progress_is_in_bytes_with_the_time_that_is_left(
    server: RangeServer, large: Path, cache_dir: Path
) -> None:
    events: list[Event] = []
    files = await opened(server.serve("large.carton", large))
    (await place_model(files, cache_dir, on_event=events.append)).release()
    fetching = [event for event in events if event.step == "model.fetch"]
    assert [fetching[0].phase, fetching[-1].phase] == [Phase.STARTED, Phase.FINISHED]
    assert {event.total for event in fetching} == {sum(map(files.contents.size, files.model_files))}
    done = [event.done for event in fetching]
    assert done == sorted(done)
    assert done[-1] == fetching[-1].total
    assert all(event.remaining > 0 for event in fetching if 0 < event.done < event.total)
    await files.contents.aclose()


@pytest.mark.parametrize("which", ["weights", "text"])
async def test_a_load_that_was_killed_is_taken_up_where_it_stopped(
    server: RangeServer,
    pack_noop: Callable[..., Path],
    large: Path,
    cache_dir: Path,
    placer: Callable[..., Placer],
    which: str,
) -> None:
    content = {"weights": weights(8 * MB), "text": weights(16 * MB).translate(b"acgt" * 64)}[which]
    path = pack_noop({"content": content})
    travels = path.stat().st_size
    url = server.serve("model.carton", path, Faults(stall_after=travels // 2))
    process = placer(url)
    process.until("model.fetch", len(content) // 4)
    process.kill()
    server.serve("model.carton", path)
    events: list[Event] = []
    files = await opened(url)
    (await place_model(files, cache_dir, on_event=events.append)).release()
    assert server.sent("model.carton") <= 0.8 * travels + OVERHEAD
    assert events[-1].skipped >= len(content) // 4
    assert leftovers(cache_dir) == []
    await files.contents.aclose()


@pytest.mark.parametrize("size", [20 * MB, pytest.param(500 * MB, marks=pytest.mark.soak)])
def test_two_processes_at_once_download_it_once(
    server: RangeServer, pack_noop: Callable[..., Path], cache_dir: Path, placer: Callable[..., Placer], size: int
) -> None:
    path = pack_noop({"weights": weights(size), "more": weights(size // 10, 2)})
    url = server.serve("model.carton", path)
    placers = [placer(url), placer(url)]
    folders = {one.until("placed") for one in placers}
    assert [one.end() for one in placers] == [0, 0]
    assert len(folders) == 1
    assert server.sent("model.carton") <= path.stat().st_size + 2 * OVERHEAD
    assert leftovers(cache_dir) == []


def test_weights_that_two_cartons_share_are_downloaded_and_stored_once(
    server: RangeServer, pack_noop: Callable[..., Path], cache_dir: Path, placer: Callable[..., Placer]
) -> None:
    paths = [pack_noop({"weights": weights(8 * MB), "name": name}) for name in ("one", "other")]
    placers = [placer(server.serve(f"{number}.carton", path)) for number, path in enumerate(paths)]
    folders = [Path(one.until("placed")) for one in placers]
    assert [one.end() for one in placers] == [0, 0]
    assert server.sent("0.carton") + server.sent("1.carton") <= 8 * MB + 2 * OVERHEAD
    assert (folders[0] / "weights").samefile(folders[1] / "weights")
    assert leftovers(cache_dir) == []


async def test_who_waits_for_another_process_is_told_so(
    server: RangeServer, pack_noop: Callable[..., Path], cache_dir: Path, placer: Callable[..., Placer]
) -> None:
    path = pack_noop({"weights": weights(8 * MB)})
    url = server.serve("model.carton", path, Faults(stall_after=4 * MB))
    first = placer(url)
    first.until("model.fetch", MB)
    second = placer(url)
    second.until("model.wait")
    server.serve("model.carton", path)
    first.kill()
    second.until("placed")
    assert second.end() == 0
    assert leftovers(cache_dir) == []


async def test_a_carton_that_changes_while_it_is_fetched_leaves_no_model(
    server: RangeServer, large: Path, cache_dir: Path
) -> None:
    files = await opened(server.serve("large.carton", large, Faults(change_after=1)))
    with pytest.raises(StorageError, match="changed"):
        await place_model(files, cache_dir)
    assert not list(cache_dir.glob("models/*"))
    await files.contents.aclose()
