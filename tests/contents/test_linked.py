"""Files that a carton only links to: which of them, where they may be, and that they are fetched once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fix_links import PICTURE, SHA256, WEIGHTS, Unlinked, links_file, placed, refusal, sha256_of
from fix_models import DOUBLE
from fix_placing import leftovers
from fix_zips import files_of, write_zip

import carton_runtime as carton
from carton_runtime.storage.cache import is_verified
from carton_runtime.testing.range_server import RangeServer


async def test_a_model_runs_on_files_that_are_elsewhere(
    web: RangeServer, double_carton: Path, linking: Unlinked, nothing_left: object
) -> None:
    url = web.serve("main.py", files_of(double_carton)["model/main.py"])
    async with await carton.load(linking(double_carton, {"model/main.py": [url]})) as model:
        assert (await model.infer({"x": np.array(21)}))["out"] == 42


async def test_a_linked_file_is_fetched_once(web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path) -> None:
    path = linking(whole, {"model/weights": [web.serve("weights", WEIGHTS)]})
    for _ in range(2):
        assert await placed(path, cache_dir) == {"weights": WEIGHTS, "more": b"more"}
    assert web.sent("weights") == len(WEIGHTS)
    assert len(web.requests("weights")) == 2
    assert leftovers(cache_dir) == []


async def test_what_another_carton_has_brought_is_not_fetched(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    path = linking(whole, {"model/weights": [web.serve("weights", WEIGHTS)]})
    await placed(whole, cache_dir)
    assert (await placed(path, cache_dir))["weights"] == WEIGHTS
    assert web.requests("weights") == []


async def test_what_the_zip_holds_is_not_fetched(
    web: RangeServer, whole: Path, tmp_path: Path, cache_dir: Path
) -> None:
    url = web.serve("weights", bytes(len(WEIGHTS)))
    path = write_zip(tmp_path / "both.carton", files_of(whole) | {"LINKS": links_file({SHA256: [url]})})
    assert (await placed(path, cache_dir))["weights"] == WEIGHTS
    assert web.requests("weights") == []


async def test_what_the_zip_holds_under_another_name_is_not_fetched(
    web: RangeServer, pack_noop: Callable[..., Path], linking: Unlinked, cache_dir: Path
) -> None:
    url = web.serve("weights", WEIGHTS)
    whole = pack_noop({"a": WEIGHTS, "b": WEIGHTS})
    assert await placed(linking(whole, {"model/a": [url]}), cache_dir) == {"a": WEIGHTS, "b": WEIGHTS}
    assert web.requests("weights") == []


async def test_offline_no_mirror_is_asked(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTON_OFFLINE", "1")
    error = await refusal(linking(whole, {"model/weights": [web.serve("weights", WEIGHTS)]}), cache_dir)
    assert "/weights is on the network, which the setting `offline` (CARTON_OFFLINE) forbids" in str(error)
    assert web.requests("weights") == []


async def test_offline_what_is_cached_is_used(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = linking(whole, {"model/weights": [web.serve("weights", WEIGHTS)]})
    await placed(path, cache_dir)
    monkeypatch.setenv("CARTON_OFFLINE", "1")
    assert (await placed(path, cache_dir))["weights"] == WEIGHTS


async def test_a_local_carton_may_link_to_files(
    whole: Path, linking: Unlinked, cache_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "not here%").write_bytes(WEIGHTS)
    urls = [(tmp_path / "nothing").as_uri(), (tmp_path / "not here%").as_uri()]
    assert (await placed(linking(whole, {"model/weights": urls}), cache_dir))["weights"] == WEIGHTS


async def test_a_link_to_a_pipe_is_not_waited_for(
    whole: Path, linking: Unlinked, cache_dir: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    error = await refusal(linking(whole, {"model/weights": [(tmp_path / "pipe").as_uri()]}), cache_dir)
    assert "it is no file, but a pipe" in str(error)


async def test_a_carton_far_away_links_to_the_web(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    path = linking(whole, {"model/weights": [web.serve("weights", WEIGHTS)]})
    assert (await placed(web.serve("far.carton", path), cache_dir))["weights"] == WEIGHTS


async def test_all_but_manifest_and_links_may_be_elsewhere(
    web: RangeServer, packed: Callable[..., Path], linking: Unlinked
) -> None:
    specs = {"inputs": [carton.TensorSpec("x", "int64", "*")], "outputs": [carton.TensorSpec("out", "int64", "*")]}
    test = carton.SelfTest({"x": np.arange(5)}, expected_out={"out": np.arange(5) * 2})
    whole = packed(DOUBLE, self_tests=[test], misc_files={"picture": PICTURE}, **specs)
    urls = {path: [web.serve(path, content)] for path, content in files_of(whole).items() if path != "MANIFEST"}
    path = linking(whole, urls)
    assert set(files_of(path)) == {"MANIFEST", "LINKS"}
    info = await carton.get_model_info(path)
    assert info.model_hash == (await carton.get_model_info(whole)).model_hash
    assert await info.misc_files["picture"].read() == PICTURE
    async with await carton.load(path) as model:
        assert (await model.run_self_tests()).passed
    assert len(web.requests("carton.toml")) == 1


async def test_a_symlink_may_lead_to_what_is_elsewhere(
    web: RangeServer, pack_noop: Callable[..., Path], code_dir: Callable[..., Path], linking: Unlinked, cache_dir: Path
) -> None:
    folder = code_dir({"weights": WEIGHTS})
    (folder / "link").symlink_to("weights")
    whole = pack_noop(folder)
    url = web.serve("weights", WEIGHTS)
    stripped = strip(whole, "model/weights", linking(whole, {"model/weights": [url]}).with_name("links.carton"), url)
    assert await placed(stripped, cache_dir) == {"weights": WEIGHTS, "link": WEIGHTS}
    assert web.sent("weights") == len(WEIGHTS)
    (link,) = cache_dir.glob("models/*/_carton_model_module/link")
    assert link.readlink() == Path("weights")


def strip(carton_path: Path, left_out: str, target: Path, url: str) -> Path:
    """A copy without one file that keeps symlinks as they are."""
    from fix_zips import zipfile

    with zipfile.ZipFile(carton_path) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            if info.filename != left_out:
                new.writestr(info, old.read(info))
        new.writestr("LINKS", links_file({SHA256: [url]}))
    return target


async def test_a_description_that_is_too_large_is_not_taken_into_memory(
    web: RangeServer, whole: Path, linking: Unlinked, monkeypatch: pytest.MonkeyPatch, cache_dir: Path
) -> None:
    path = linking(whole, {"carton.toml": [web.serve("carton.toml", bytes(2_000_000))]})
    monkeypatch.setenv("CARTON_LIMIT_TOML_SIZE", "1 MB")
    with pytest.raises(carton.StorageError, match="has 2,000,000 bytes or more, more than limit_toml_size"):
        await carton.get_model_info(path)
    assert leftovers(cache_dir) == []


async def test_a_wrong_description_is_not_used(web: RangeServer, whole: Path, linking: Unlinked) -> None:
    path = linking(whole, {"carton.toml": [web.serve("carton.toml", b"spec_version = 1")]})
    with pytest.raises(carton.IntegrityError, match=r"(?s)carton\.toml of .* another sha256"):
        await carton.get_model_info(path)


async def test_what_is_cached_is_marked_as_checked(
    web: RangeServer, whole: Path, linking: Unlinked, cache_dir: Path
) -> None:
    info = await carton.get_model_info(linking(whole, {"misc/picture": [web.serve("picture", PICTURE)]}))
    assert await info.misc_files["picture"].read() == PICTURE
    sha256 = sha256_of(PICTURE)
    assert is_verified(cache_dir / "files" / sha256[:2] / sha256)


READ = """
import os, sys
import carton_runtime as carton
info = carton.sync.get_model_info(sys.argv[1])
if os.geteuid() == 0:  # to whom no permission applies
    os.setegid(65534)
    os.seteuid(65534)
print(carton.sync.read(info.misc_files["picture"]).decode())
"""


def test_where_the_cache_cannot_be_written_what_is_linked_is_read_all_the_same(whole: Path, linking: Unlinked) -> None:
    with tempfile.TemporaryDirectory(prefix="carton-test-") as name:
        folder, cache = Path(name), Path(name) / "cache"
        folder.chmod(0o777)
        cache.mkdir(mode=0o555)
        (folder / "picture").write_bytes(PICTURE)
        path = linking(whole, {"misc/picture": [(folder / "picture").as_uri()]}).rename(folder / "linking.carton")
        variables = {**os.environ, "TMPDIR": name, "HOME": name, "CARTON_CACHE_DIR": str(cache)}
        command = [sys.executable, "-c", READ, str(path)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, cwd=folder)
        assert done.stdout == f"{PICTURE.decode()}\n"
        assert "cannot be written" in done.stderr
        assert list(cache.iterdir()) == []
        assert sorted(path.name for path in folder.iterdir()) == ["cache", "linking.carton", "picture"]
