"""Cartons that are opened and loaded over HTTP: what is asked for, and how much comes."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fix_models import DOUBLE
from fix_zips import files_of, manifest_of, write_zip

import carton_runtime as carton
from carton_runtime.testing.range_server import Faults, RangeServer

MOST_REQUESTS = 3
MOST_BYTES = 200_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with RangeServer() as server:
        yield server


async def test_a_model_is_loaded_from_a_url(server: RangeServer, double_carton: Path, nothing_left: object) -> None:
    url = server.serve("double.carton", double_carton)
    async with await carton.load(url) as model:
        assert (await model.infer({"x": np.array(21)}))["out"] == 42


async def test_the_card_of_a_carton_comes_in_one_request(server: RangeServer, double_carton: Path) -> None:
    url = server.serve("double.carton", double_carton)
    info = await carton.get_model_info(url)
    assert info.model_hash == (await carton.get_model_info(double_carton)).model_hash
    assert len(server.requests("double.carton")) == 1


async def test_the_card_of_a_large_carton_comes_in_one_request(
    server: RangeServer, packed: Callable[..., Path]
) -> None:
    weights = random.Random(1).randbytes(8_000_000)
    path = packed({"main.py": DOUBLE, "weights": weights, **{f"{number}.txt": b"text" for number in range(500)}})
    url = server.serve("large.carton", path)
    info = await carton.get_model_info(url)
    assert info.model_hash == (await carton.get_model_info(path)).model_hash
    assert len(server.requests("large.carton")) == 1
    assert server.sent("large.carton") <= MOST_BYTES < path.stat().st_size


async def test_the_card_comes_in_few_requests_wherever_the_parts_lie(
    server: RangeServer, double_carton: Path, tmp_path: Path
) -> None:
    """As in cartons of the original: what describes them stands first, and the MANIFEST behind the model."""
    files = {name: data for name, data in files_of(double_carton).items() if name != "MANIFEST"}
    index = files.pop("tensor_data/index.toml")
    scattered = {
        "carton.toml": files.pop("carton.toml"),
        "misc/picture": bytes(1_000_000),
        "tensor_data/index.toml": index,
        "model/weights": bytes(3_000_000),
        **files,
    }
    path = write_zip(tmp_path / "scattered.carton", {**scattered, "MANIFEST": manifest_of(scattered)})
    info = await carton.get_model_info(server.serve("scattered.carton", path))
    assert info.model_hash == (await carton.get_model_info(path)).model_hash
    assert len(server.requests("scattered.carton")) <= MOST_REQUESTS
    assert server.sent("scattered.carton") <= MOST_BYTES


async def test_parts_that_lie_near_each_other_come_in_one_request(
    server: RangeServer, double_carton: Path, tmp_path: Path
) -> None:
    files = {name: data for name, data in files_of(double_carton).items() if name != "MANIFEST"}
    first = {"carton.toml": files.pop("carton.toml"), "tensor_data/index.toml": files.pop("tensor_data/index.toml")}
    files = {**first, **files, "model/weights": bytes(1_000_000)}
    path = write_zip(tmp_path / "near.carton", {**files, "MANIFEST": manifest_of(files)})
    await carton.get_model_info(server.serve("near.carton", path))
    assert len(server.requests("near.carton")) == 2


async def test_what_is_asked_for_later_comes_later(server: RangeServer, packed: Callable[..., Path]) -> None:
    test = carton.SelfTest({"x": np.arange(500_000, dtype=np.int64)})
    specs = {"inputs": [carton.TensorSpec("x", "int64", "*")], "outputs": [carton.TensorSpec("out", "int64", "*")]}
    picture = random.Random(1).randbytes(300_000)
    path = packed({"main.py": DOUBLE}, self_tests=[test], misc_files={"picture": picture}, **specs)
    info = await carton.get_model_info(server.serve("lazy.carton", path))
    assert server.sent("lazy.carton") <= MOST_BYTES
    tensor = await info.self_tests[0].inputs["x"].get()
    assert np.array_equal(tensor, test.inputs["x"])
    assert await info.misc_files["picture"].read() == picture


async def test_a_carton_that_changes_between_card_and_picture_is_noticed(
    server: RangeServer, packed: Callable[..., Path]
) -> None:
    path = packed({"main.py": DOUBLE}, misc_files={"picture": random.Random(1).randbytes(300_000)})
    info = await carton.get_model_info(server.serve("changing.carton", path, Faults(change_after=1)))
    with pytest.raises(carton.StorageError, match="changed while it was read; start again"):
        await info.misc_files["picture"].read()


async def test_what_is_no_carton_is_said_to_be_none(server: RangeServer) -> None:
    url = server.serve("page", b"<html>please log in</html>" * 10)
    with pytest.raises(carton.FormatError, match=r"http://127\.0\.0\.1:\d+/page is no carton: this is not a zip"):
        await carton.get_model_info(url)


async def test_offline_nothing_far_away_is_touched(
    server: RangeServer, double_carton: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.serve("double.carton", double_carton)
    monkeypatch.setenv("CARTON_OFFLINE", "1")
    for question in (carton.get_model_info, carton.load):
        with pytest.raises(carton.StorageError, match=r"double\.carton is on the network, .* `offline`"):
            await question(url)
    assert server.requests("double.carton") == []


async def test_no_secret_of_a_url_stays_anywhere(
    server: RangeServer,
    double_carton: Path,
    cache_dir: Path,
    runner_data_dir: Path,
    temporary: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    url = server.serve("double.carton", double_carton).replace("://", "://me:hunter2@") + "?token=s1gnature"
    events: list[carton.Event] = []
    async with await carton.load(url, on_event=events.append) as model:
        await model.infer({"x": np.array(21)})
        shown = [repr(model), repr(model.info), repr(model.kernel), repr(events), caplog.text]
    assert server.requests("double.carton")[0].headers["authorization"], "otherwise there was no secret"
    for folder in (cache_dir, runner_data_dir / "python", temporary):
        for file in folder.rglob("*"):
            shown.append(file.name)
            if file.is_file() and file.stat().st_size < 1_000_000:
                shown.append(file.read_bytes().decode("latin-1"))
    assert len(shown) > 10
    assert not [text for text in shown if "hunter2" in text or "s1gnature" in text]


def test_the_blocking_twins_take_urls(server: RangeServer, double_carton: Path) -> None:
    url = server.serve("double.carton", double_carton)
    assert carton.sync.get_model_info(url).runner.runner_name == "python"
    with carton.sync.load(url) as model:
        assert model.infer({"x": np.array(2)})["out"] == 4
