"""Unpacked cartons in buckets: their cards, loads and limits, and names that mean harm."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fix_buckets import Bucket, Moto
from fix_placing import leftovers
from fix_zips import files_of, manifest_of

import carton_runtime as carton
from carton_runtime.contents.opening import open_carton
from carton_runtime.contents.placing import place_model
from carton_runtime.errors import FormatError, IntegrityError, StorageError
from carton_runtime.settings import Settings

MOST_REQUESTS = 3
MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def files(double_carton: Path) -> dict[str, bytes]:
    return files_of(double_carton)


def with_files(files: Mapping[str, bytes], more: Mapping[str, bytes]) -> dict[str, bytes]:
    every = {**files, **more}
    return {**every, "MANIFEST": manifest_of(every)}


@pytest.mark.parametrize("scheme", ["s3", "gs"])
async def test_a_model_is_loaded_from_a_folder(
    bucket: Bucket, double_carton: Path, files: dict[str, bytes], scheme: str, nothing_left: object
) -> None:
    url = bucket.put_all(files, "double").replace("s3", scheme)
    info, here = await carton.get_model_info(url), await carton.get_model_info(double_carton)
    assert (info.model_hash, info.title, info.files.count) == (here.model_hash, here.title, here.files.count)
    assert await info.files.get() == await here.files.get()
    async with await carton.load(url) as model:
        assert (await model.infer({"x": np.array(21)}))["out"] == 42


async def test_a_file_of_fsspec_that_changes_after_it_was_listed_is_noticed(files: dict[str, bytes]) -> None:
    memory = fsspec.filesystem("memory")
    for path, data in files.items():
        memory.pipe(f"/double/{path}", data)
    opened = await open_carton("memory://double/", Settings.load())
    memory.pipe("/double/model/main.py", b"longer" * 1_000)
    with pytest.raises(StorageError, match=r"^memory://double/model/main\.py changed while the carton was read; start"):
        await opened.read("model/main.py")
    await opened.aclose()
    memory.rm("/double", recursive=True)


async def test_a_model_is_loaded_from_a_folder_of_fsspec(double_carton: Path, files: dict[str, bytes]) -> None:
    memory = fsspec.filesystem("memory")
    for path, data in files.items():
        memory.pipe(f"/double/{path}", data)
    async with await carton.load("memory://double/") as model:
        assert (await model.infer({"x": np.array(21)}))["out"] == 42
    memory.rm("/double", recursive=True)


@pytest.mark.parametrize("count", [10, 900, 2_500])
async def test_the_card_costs_three_requests_however_many_files_there_are(
    bucket: Bucket, moto: Moto, files: dict[str, bytes], count: int
) -> None:
    """Whether the other files are there makes no difference to the card."""
    promised = {f"model/package/module_{number:05}/weights.bin": b"" for number in range(count)}
    url = bucket.put_all({**files, "MANIFEST": manifest_of({**files, **promised})}, "many")
    moto.requests()
    info = await carton.get_model_info(url)
    requests = moto.requests()
    assert len(requests) <= MOST_REQUESTS
    assert not [request for request in requests if "list-type" in request]
    assert info.runner.runner_name == "python"
    assert (info.model_hash is None) == (count > 1_000)
    assert abs(info.files.count - count) < 0.1 * count + 10


async def test_what_a_card_left_out_comes_when_it_is_asked_for(
    bucket: Bucket, moto: Moto, packed: Callable[..., Path]
) -> None:
    test = carton.SelfTest({"x": np.arange(4)}, "four")
    specs = {"inputs": [carton.TensorSpec("x", "int64", "*")], "outputs": [carton.TensorSpec("out", "int64", "*")]}
    path = packed({"main.py": ""}, self_tests=[test], misc_files={"picture": b"picture" * 50_000}, **specs)
    info = await carton.get_model_info(bucket.put_all(files_of(path), "lazy"))
    tensor, picture = info.self_tests[0].inputs["x"], info.misc_files["picture"]
    assert [lazy.is_at_hand for lazy in (tensor, picture, info.files)] == [False] * 3
    assert np.array_equal(await tensor.get(), np.arange(4))
    assert await picture.read() == b"picture" * 50_000
    assert info.files.is_at_hand
    asked = len(moto.requests())
    assert await picture.read() == b"picture" * 50_000
    assert asked
    assert moto.requests() == [], "what was fetched is kept"


async def test_each_file_of_a_model_costs_one_request_and_is_kept(
    bucket: Bucket, moto: Moto, files: dict[str, bytes], cache_dir: Path
) -> None:
    model = {f"model/{number}.txt": b"%d" % number for number in range(200)} | {"model/large": bytes(3_000_000)}
    every = with_files(files, model)
    url = bucket.put_all(every, "many")
    moto.requests()
    opened = await open_carton(url, Settings.load())
    (await place_model(opened, cache_dir)).release()
    requests = moto.requests()
    assert len(requests) <= len([path for path in every if path.startswith("model/")]) + 2 * len(files)
    assert sum("list-type" in request for request in requests) == 1
    assert leftovers(cache_dir) == []
    (await place_model(opened, cache_dir)).release()
    assert moto.requests() == []
    await opened.aclose()


async def test_a_file_that_breaks_its_promise_is_refused(
    bucket: Bucket, files: dict[str, bytes], cache_dir: Path
) -> None:
    model = next(path for path in files if path.startswith("model/"))
    url = bucket.put_all({**files, model: b"other"}, "wrong")
    with pytest.raises(IntegrityError, match=re.escape(f"{model} of s3://models/wrong/")):
        await carton.load(url)
    assert not (cache_dir / "models").exists() or not list((cache_dir / "models").iterdir())
    url = bucket.put_all({**files, "carton.toml": files["carton.toml"] + b"\n"}, "wrong")
    with pytest.raises(IntegrityError, match=r"carton\.toml of s3://models/wrong/"):
        await carton.get_model_info(url)


async def test_a_file_that_changes_after_the_card_is_noticed(bucket: Bucket, files: dict[str, bytes]) -> None:
    info = await carton.get_model_info(bucket.put_all(files, "double"))
    bucket.put("double/carton.toml", files["carton.toml"] + b"\n")
    with pytest.raises(StorageError, match="changed while the carton was read; start again"):
        await info.files.get()


async def test_marks_of_folders_are_no_files(bucket: Bucket, files: dict[str, bytes]) -> None:
    url = bucket.put_all(files, "double")
    for key in ("double/", "double/model/", "double/model/.carton/"):
        bucket.put(key, b"")
    opened = await open_carton(url, Settings.load())
    assert set(opened.contents.paths) == set(files)
    await opened.aclose()


HOSTILE = {
    "model/a\\b": "contains a backslash",
    "model/CON": "is a device on Windows",
    "c:/x": "is absolute",
    "model/ /x": "is not normalised",
    "MODEL/main.py": "which are one file on many systems",
    "model/main.py/x": "which is no folder",
    "model/extra": "which its MANIFEST does not list",
}


@pytest.mark.parametrize(("key", "says"), HOSTILE.items())
async def test_names_that_no_carton_has_are_refused(
    bucket: Bucket, files: dict[str, bytes], key: str, says: str, cache_dir: Path
) -> None:
    url = bucket.put_all(with_files(files, {"model/main.py": b"1"}), "hostile")
    bucket.put(f"hostile/{key}", b"x")
    with pytest.raises(FormatError, match=says):
        await carton.load(url)
    assert not (cache_dir / "models").exists()


@pytest.mark.parametrize("key", ["hostile/../../x", "hostile//etc/passwd"])
async def test_names_that_lead_out_are_refused(bucket: Bucket, files: dict[str, bytes], key: str) -> None:
    url = bucket.put_all(files, "hostile")
    bucket.put(key, b"x")
    with pytest.raises(StorageError, match=r"^s3://models/hostile/: "):
        await carton.load(url)


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CARTON_LIMIT_ENTRIES", "3", "files or more, more than limit_entries"),
        ("CARTON_LIMIT_EXPANDED_SIZE", "100", "bytes or more, more than limit_expanded_size"),
        ("CARTON_LIMIT_PATH_LENGTH", "30", "more than limit_path_length"),
        ("CARTON_LIMIT_TOML_SIZE", "10", "more than limit_toml_size"),
        ("CARTON_LIMIT_MANIFEST_SIZE", "10", "more than limit_manifest_size"),
    ],
)
async def test_limits_hold(
    bucket: Bucket, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    url = bucket.put_all(files, "large")
    bucket.put("large/" + "x" * 40, b"")
    monkeypatch.setenv(variable, value)
    with pytest.raises(FormatError, match=says):
        await carton.load(url)


async def test_a_folder_that_is_no_carton_is_not_listed(bucket: Bucket, moto: Moto) -> None:
    url = bucket.put_all({"main.py": b""}, "code")
    moto.requests()
    for question in (carton.get_model_info(url), carton.load(url)):
        with pytest.raises(FormatError, match=r"^s3://models/code/ is no carton: it has no MANIFEST$"):
            await question
    assert not [request for request in moto.requests() if "list-type" in request]


async def test_without_its_slash_the_error_says_so(bucket: Bucket, files: dict[str, bytes]) -> None:
    bucket.put_all(files, "double")
    with pytest.raises(
        StorageError, match="there is nothing there; if it is an unpacked carton, end its URL with a sl"
    ):
        await carton.load("s3://models/double")


async def test_links_to_files_of_this_machine_are_refused(bucket: Bucket, files: dict[str, bytes]) -> None:
    links = f'version = 1\n[urls]\n{"0" * 64} = ["file:///etc/passwd"]\n'.encode()
    with pytest.raises(FormatError, match="is a file URL, which only a carton on this machine may have"):
        await carton.load(bucket.put_all({**files, "LINKS": links}, "linked"))


async def test_only_a_folder_on_this_machine_can_be_run_from_where_it_is(bucket: Bucket) -> None:
    url = bucket.put_all({"main.py": b""}, "code")
    with pytest.raises(StorageError, match=f"^{url} is a URL; a path on this machine is needed here$"):
        await carton.load_unpacked(url, "python", "*")
