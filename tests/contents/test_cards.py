"""What the card of a carton far away costs, however large the carton and wherever its parts lie."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fix_models import DOUBLE
from fix_zips import files_of, manifest_of, write_zip

import carton_runtime as carton
from carton_runtime.testing.range_server import Faults, RangeServer

MOST_REQUESTS = 3
MOST_BYTES = 200_000
PICTURE = random.Random(1).randbytes(300_000)
SMALL = b"\x89PNG small"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RangeServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with RangeServer() as server:
        yield server


@pytest.fixture(scope="module")
def described(packed: Callable[..., Path]) -> dict[str, bytes]:
    """The files of a carton that has something of everything, in the order in which we pack them."""
    specs = {"inputs": [carton.TensorSpec("x", "int64", "*")], "outputs": [carton.TensorSpec("out", "int64", "*")]}
    test = carton.SelfTest({"x": np.arange(4)}, "four")
    example = carton.Example({"x": np.arange(3)}, {"out": SMALL}, "three")
    path = packed(
        {"main.py": DOUBLE},
        model_name="Many files",
        model_description="![curve](@misc/curve.png)",
        self_tests=[test],
        examples=[example],
        misc_files={"curve.png": PICTURE},
        **specs,
    )
    return {name: data for name, data in files_of(path).items() if name != "MANIFEST"}


def as_ours(described: dict[str, bytes], model: dict[str, bytes]) -> dict[str, bytes]:
    """What describes the carton stands behind the model."""
    files = {**model, **described}
    return {**files, "MANIFEST": manifest_of(files)}


def as_the_original(described: dict[str, bytes], model: dict[str, bytes]) -> dict[str, bytes]:
    """What describes the carton stands before the model, but for the MANIFEST."""
    first = ("carton.toml", "tensor_data/index.toml")
    files = {**{name: described[name] for name in first}, **described, **model}
    return {**files, "MANIFEST": manifest_of(files)}


def as_sorted(described: dict[str, bytes], model: dict[str, bytes]) -> dict[str, bytes]:
    """As who sorts names writes them."""
    return dict(sorted(as_ours(described, model).items()))


def as_sorted_backwards(described: dict[str, bytes], model: dict[str, bytes]) -> dict[str, bytes]:
    return dict(sorted(as_ours(described, model).items(), reverse=True))


def as_walked(described: dict[str, bytes], model: dict[str, bytes]) -> dict[str, bytes]:
    """As who walks a folder writes it: one folder after the other, in any order, with entries of their own."""
    files = as_ours(described, model)
    order = ["tensor_data/", "model/", "carton.toml", "misc/", "MANIFEST"]
    walked: dict[str, bytes] = {}
    for first in order:
        walked |= {first: b""} if first.endswith("/") else {}
        walked |= {path: data for path, data in files.items() if path.startswith(first)}
    assert walked.keys() >= files.keys()
    return walked


def in_between(described: dict[str, bytes], model: dict[str, bytes]) -> dict[str, bytes]:
    """What describes the carton stands in the middle of the model."""
    half = list(model)[: len(model) // 2]
    files = {**{name: model[name] for name in half}, **described, **model}
    return {**files, "MANIFEST": manifest_of(files)}


def model_of(count: int, size: int = 40) -> dict[str, bytes]:
    """Files of a model, with names as long as those of real ones, and one that is large."""
    files = {f"model/package/module_{number:05}/weights.bin": bytes(size) for number in range(count)}
    return {**files, "model/large": bytes(2_000_000)}


@pytest.mark.parametrize("count", [10, 400, 700, 900, 1_500, 10_000])
@pytest.mark.parametrize("layout", [as_ours, as_the_original, as_sorted, as_sorted_backwards, as_walked])
async def test_the_card_costs_little_however_many_files_there_are(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path, layout: Callable, count: int
) -> None:
    path = write_zip(tmp_path / "many.carton", layout(described, model_of(count)))
    info = await carton.get_model_info(server.serve("many.carton", path))
    here = await carton.get_model_info(path)
    assert len(server.requests("many.carton")) <= MOST_REQUESTS
    assert server.sent("many.carton") <= MOST_BYTES
    assert (info.title, info.inputs, info.model_description) == (here.title, here.inputs, here.model_description)
    assert set(info.misc_files) == set(here.misc_files)
    await info.self_tests[0].inputs["x"].get()  # what it is like may be left out of a card, as the tensor is
    assert repr(info.self_tests) == repr(here.self_tests)
    assert repr(info.examples) == repr(here.examples)


@pytest.mark.parametrize("layout", [as_ours, as_the_original])
async def test_a_card_says_what_tensors_are_like_where_that_costs_nothing(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path, layout: Callable
) -> None:
    path = write_zip(tmp_path / "many.carton", layout(described, model_of(10_000)))
    info = await carton.get_model_info(server.serve("many.carton", path))
    assert repr(info.self_tests) == repr((await carton.get_model_info(path)).self_tests)


@pytest.mark.parametrize("count", [10, 300, 500, 900])
async def test_the_card_costs_little_where_its_parts_lie_in_between(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path, count: int
) -> None:
    path = write_zip(tmp_path / "between.carton", in_between(described, model_of(count)))
    info = await carton.get_model_info(server.serve("between.carton", path))
    assert info.title == "Many files"
    assert len(server.requests("between.carton")) <= MOST_REQUESTS
    assert server.sent("between.carton") <= MOST_BYTES


async def test_parts_that_cannot_be_found_without_the_whole_directory_are_found_with_it(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "hidden.carton", in_between(described, model_of(10_000)))
    info = await carton.get_model_info(server.serve("hidden.carton", path))
    assert info.title == "Many files"
    assert info.model_hash == (await carton.get_model_info(path)).model_hash


async def test_what_was_left_out_comes_when_it_is_asked_for(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "many.carton", as_ours(described, model_of(5_000)))
    info = await carton.get_model_info(server.serve("many.carton", path))
    here = await carton.get_model_info(path)
    assert info.model_hash is None
    tensor = info.self_tests[0].inputs["x"]
    picture = info.misc_files["curve.png"]
    assert [lazy.is_at_hand for lazy in (tensor, picture, info.files)] == [False] * 3
    assert np.array_equal(await tensor.get(), np.arange(4))
    assert await picture.read() == PICTURE
    files = await info.files.get()
    assert files == await here.files.get()
    assert files.model_hash == here.model_hash
    asked = len(server.requests("many.carton"))
    assert tensor.is_at_hand
    assert picture.is_at_hand
    assert info.files.is_at_hand
    assert await picture.read() == PICTURE
    assert len(server.requests("many.carton")) == asked, "what was fetched is kept"


async def test_a_description_that_breaks_its_promise_is_noticed_when_the_carton_is_opened(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path
) -> None:
    files = as_ours(described, model_of(5_000))
    files["carton.toml"] = files["carton.toml"].replace(b"Many files", b"Few things")
    path = write_zip(tmp_path / "wrong.carton", files)
    info = await carton.get_model_info(server.serve("wrong.carton", path))
    assert info.title == "Few things"
    for question in (info.files.get(), info.misc_files["curve.png"].read(), carton.load(f"{server.url}/wrong.carton")):
        with pytest.raises(carton.IntegrityError, match=r"carton\.toml"):
            await question


async def test_a_carton_that_changes_after_its_card_is_noticed(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "many.carton", as_the_original(described, model_of(5_000)))
    url = server.serve("many.carton", path, Faults(change_after=3))
    info = await carton.get_model_info(url)
    with pytest.raises(carton.StorageError, match="changed while it was read; start again"):
        await info.files.get()


async def test_a_large_carton_with_a_damaged_description_is_refused(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "damaged.carton", as_ours(described, model_of(5_000)))
    data = bytearray(path.read_bytes())
    data[data.index(b"Many files")] ^= 1
    with pytest.raises(carton.FormatError, match="checksum"):
        await carton.get_model_info(server.serve("damaged.carton", bytes(data)))


async def test_pictures_that_came_along_are_at_hand_and_others_are_not(
    server: RangeServer, described: dict[str, bytes], tmp_path: Path
) -> None:
    path = write_zip(tmp_path / "few.carton", as_ours(described, {}))
    info = await carton.get_model_info(server.serve("few.carton", path))
    (example,) = info.examples
    assert example.inputs["x"].is_at_hand
    assert example.sample_out["out"].is_at_hand
    assert await example.sample_out["out"].read() == SMALL
    assert not info.misc_files["curve.png"].is_at_hand
    assert info.misc_files["curve.png"].size == len(PICTURE)
    assert len(server.requests("few.carton")) == 1


async def test_the_files_are_listed_by_size(described: dict[str, bytes], tmp_path: Path) -> None:
    path = write_zip(tmp_path / "here.carton", as_ours(described, model_of(2)))
    files = await (await carton.get_model_info(path)).files.get()
    assert [entry.path for entry in files[:2]] == ["model/large", "misc/curve.png"]
    sizes = [entry.size for entry in files]
    assert sizes == sorted(sizes, reverse=True)
    assert files.size == sum(sizes)
    assert len(files) == len(described) + 3
    assert not any(entry.is_linked for entry in files)


async def test_what_was_never_packed_has_no_list_of_files(code_dir: Callable[..., Path], loaded: Callable) -> None:
    assert loaded.unpacked(code_dir()).info.files is None


@pytest.mark.parametrize("layout", [as_ours, as_the_original])
async def test_however_it_is_damaged_it_has_a_card_or_an_error_of_ours(
    described: dict[str, bytes], tmp_path: Path, layout: Callable
) -> None:
    memory = fsspec.filesystem("memory")
    data = write_zip(tmp_path / "many.carton", layout(described, model_of(2_000, size=8))).read_bytes()
    rng, cards = random.Random(5), 0
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(rng.choice([1, 2, 8])):
            place = rng.choice([rng.randrange(2_000), len(data) - 1 - rng.randrange(rng.choice([200, 131_072]))])
            damaged[place : place + rng.randrange(3)] = rng.choice([b"", b"\0", b"PK\x01\x02", rng.randbytes(2)])
        memory.pipe("/damaged.carton", bytes(damaged))
        try:
            await carton.get_model_info("memory://damaged.carton")
        except carton.CartonError:
            continue
        cards += 1
    memory.rm("/damaged.carton")
    assert 0 < cards < 100, "some damage is where no card looks, and some is not"
