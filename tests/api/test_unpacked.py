"""`load_unpacked`: packing and loading without a carton, from the user's own folder, which stays as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix_models import FUNCTION, Loader, options_for

import carton_runtime as carton
from carton_runtime import unpacked
from carton_runtime.packing.steps import requirement_texts

TELL = """
import os, sys

def run(tensors):
    with open("data.txt") as file:
        data = file.read()
    return {"data": data, "cwd": os.path.realpath(os.getcwd()), "name": __name__, "option": OPTION}
"""
WITH_OPTION = FUNCTION.replace(
    "def get_model():", "def get_model(option='none'):\n    global OPTION\n    OPTION = option"
)


@pytest.fixture
def folder(code_dir: Callable[..., Path]) -> Path:
    return code_dir({"main.py": TELL + WITH_OPTION, "data.txt": "first", "requirements.txt": "numpy\n"})


def files_in(folder: Path) -> dict[str, bytes]:
    """Python itself writes ``__pycache__`` beside what it imports; that is no doing of ours."""
    found = [Path(top) / name for top, _, names in os.walk(folder) for name in names if "__pycache__" not in top]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


async def test_the_users_folder_stays_as_it_was(folder: Path, loaded: Loader) -> None:
    before = files_in(folder)
    assert set(before) == {"main.py", "data.txt", "requirements.txt"}
    await loaded.unpacked(folder).infer()
    assert files_in(folder) == before


async def test_the_model_runs_in_the_users_folder_and_sees_changes(folder: Path, loaded: Loader) -> None:
    model = loaded.unpacked(folder)
    told = await model.infer()
    assert (told["cwd"], told["name"]) == (str(folder.resolve()), "_carton_model_module.main")
    (folder / "data.txt").write_text("second")
    assert (await model.infer())["data"] == "second"
    assert (await loaded.unpacked(folder).infer())["data"] == "second"


async def test_loading_again_leaves_nothing_further_behind(folder: Path, loaded: Loader, cache_dir: Path) -> None:
    await loaded.unpacked(folder).aclose()
    before = sorted(cache_dir.rglob("*"))
    await loaded.unpacked(folder).aclose()
    assert sorted(cache_dir.rglob("*")) == before


@pytest.fixture
def locks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were locked, one for each time."""
    locked: list[Path] = []
    lock_model = unpacked.lock_model

    def counted(model: Path, *arguments: Any) -> Any:
        locked.append(model)
        return lock_model(model, *arguments)

    monkeypatch.setattr(unpacked, "lock_model", counted)
    return locked


@pytest.mark.parametrize("option", ["-r ", "-c ", "--requirement=", "--constraint "])
async def test_a_change_of_an_included_file_is_noticed(folder: Path, locks: list[Path], option: str) -> None:
    (folder / "requirements.txt").write_text(f"numpy\n{option}deep/one.txt # more\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "one.txt").write_text("-c two.txt\nnumpy\n")
    for text, times in (("numpy>=1", 1), ("numpy>=1", 1), ("numpy>=1.1", 2), ("-r ../deep/one.txt", 3)):
        (folder / "deep" / "two.txt").write_text(text)
        await load_once(folder)
        assert len(locks) == times


async def load_once(folder: Path) -> None:
    async with await carton.load_unpacked(folder, **options_for({})):
        pass


@pytest.mark.parametrize(
    ("line", "is_reused"),
    [
        ("numpy>=1; python_version > '3'", True),
        ("numpy @ https://example.org/numpy.whl", True),
        ("--index-url https://example.org/simple", True),
        ("# ./a comment", True),
        ("-e .", False),
        ("--editable=./package", False),
        ("./package", False),
        ("../package[extra]", False),
        ("package-1.0-py3-none-any.whl", False),
        ("package @ file:///package", False),
        ("package @ ./package", False),
        ("-r https://example.org/requirements.txt", False),
        ("-c nowhere.txt", False),
    ],
)
def test_a_lock_is_reused_only_where_the_texts_alone_decide(folder: Path, line: str, is_reused: bool) -> None:
    (folder / "requirements.txt").write_text(f"numpy\n{line}\n")
    assert (requirement_texts(folder) is not None) == is_reused


async def test_overrides_are_honoured(folder: Path, loaded: Loader, python_here: Callable[[str], str]) -> None:
    model = loaded.unpacked(
        folder,
        opts={"model.option": "packed"},
        override_runner_opts={"model.option": "overridden"},
        override_required_framework_version=python_here("3.13"),
        visible_device="cpu",
    )
    assert (await model.infer())["option"] == "overridden"
    assert model.kernel.python.startswith("3.13.")
    assert model.info.runner.opts["model.option"] == "overridden"


async def test_the_runner_may_be_overridden(folder: Path, loaded: Loader) -> None:
    model = loaded.unpacked(folder, override_runner_name="noop", override_required_framework_version="*")
    assert (await model.infer(x=5))["x"] == 5
    assert model.info.runner.runner_name == "noop"


async def test_everything_that_pack_takes_is_within_reach(folder: Path, loaded: Loader) -> None:
    model = loaded.unpacked(
        folder,
        model_name="unpacked",
        inputs=[carton.TensorSpec("x", "int64", ["*"])],
        outputs=[carton.TensorSpec("data", "string", None)],
        self_tests=[carton.SelfTest({"x": np.array([1, 2])})],
        examples=[carton.Example({"x": b"picture"}, {"data": np.array("text")})],
        misc_files={"a/b.png": b"misc"},
    )
    info = model.info
    assert (info.model_name, info.model_hash) == ("unpacked", None)
    assert info.inputs == (carton.TensorSpec("x", "int64", [None]),)
    assert (await info.self_tests[0].inputs["x"].get()).tolist() == [1, 2]
    assert await info.examples[0].inputs["x"].read() == b"picture"
    assert await info.misc_files["a/b.png"].read(2) == b"mi"


async def test_positional_inputs_follow_the_order_of_the_specs(folder: Path, loaded: Loader) -> None:
    specs = [carton.TensorSpec("a", "int64", []), carton.TensorSpec("b", "int64", [])]
    model = loaded.unpacked(
        folder,
        inputs=specs,
        outputs=specs,
        override_runner_name="noop",
        override_required_framework_version="*",
    )
    out = await model.infer(1, 2)
    assert (out["a"], out["b"]) == (1, 2)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"required_platforms": ["vax-dec-vms"]}, carton.FormatError, "does not begin with a known architecture"),
        ({"required_platforms": ["aarch64-apple-darwin"]}, carton.RunnerNotFoundError, "supports aarch64-apple-darwin"),
        ({"short_description": "x" * 101}, carton.FormatError, "has 101 characters; at most 100"),
        ({"runner_name": "nobody/knows"}, carton.RunnerNotFoundError, "no runner 'nobody/knows'"),
        ({"runner_opts": {"entrypoint_package": ["main"]}}, carton.FormatError, "must be a number, a string or"),
    ],
)
async def test_what_pack_refuses_is_refused_here_too(
    folder: Path, wrong: dict[str, object], error: type[carton.CartonError], words: str
) -> None:
    with pytest.raises(error, match=words):
        await carton.load_unpacked(folder, **options_for(wrong))


async def test_a_stored_nested_tensor_looks_the_same_packed_and_not(
    folder: Path, loaded: Loader, packed: Callable[..., Path]
) -> None:
    values = [np.zeros((2, 3), "f4"), np.zeros((1, 3), "f4")]
    spec = carton.TensorSpec("x", "float32", None)
    test = carton.SelfTest({"x": carton.NestedTensor(values)})
    options = {"inputs": [spec], "outputs": [spec], "self_tests": [test]}
    for info in (loaded.unpacked(folder, **options).info, await carton.get_model_info(packed(folder, **options))):
        stored = info.self_tests[0].inputs["x"]
        assert (stored.dtype, stored.shape) == ("float32", (2, None, 3))


async def test_a_carton_is_told_from_a_model(double_carton: Path, extracted: Callable[[Path], Path]) -> None:
    for path in (double_carton, extracted(double_carton)):
        with pytest.raises(carton.FormatError, match=f"{path} is a carton, which is packed already; use load"):
            await carton.load_unpacked(path, **options_for({}))


async def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(carton.StorageError, match="nowhere does not exist"):
        await carton.load_unpacked(tmp_path / "nowhere", **options_for({}))
