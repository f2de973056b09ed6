"""Cartons that are broken: each is refused with what is wrong, where, and nothing left behind."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fix_zips import Changed, files_of, manifest_of, write_zip

import carton_runtime as carton
from carton_runtime import FormatError, IntegrityError, StorageError, VersionReqError


async def refused(path: Path | str, error: type[carton.CartonError], words: str, cache_dir: Path) -> carton.CartonError:
    """The error that loading raises, which is also that of `get_model_info`; the cache holds nothing of it."""
    with pytest.raises(error, match=words) as loading:
        await carton.load(path)
    with pytest.raises(error, match=words):
        await carton.get_model_info(path)
    assert not list(cache_dir.glob("models/*")) + list(cache_dir.glob("files/*/*"))
    return loading.value


@pytest.mark.parametrize(
    "content",
    [b"", b"P", b"no zip at all " * 100, b"\0" * 100_000, b"PK\x05\x06" + b"\0" * 18],
    ids=["empty", "one byte", "text", "zeros", "empty zip"],
)
async def test_what_is_no_zip(tmp_path: Path, content: bytes, cache_dir: Path) -> None:
    path = tmp_path / "none.carton"
    path.write_bytes(content)
    await refused(path, FormatError, r"none\.carton is no carton", cache_dir)


@pytest.mark.parametrize("kept", [0.01, 0.3, 0.5, 0.9, 0.999])
async def test_a_truncated_zip(double_carton: Path, tmp_path: Path, kept: float, cache_dir: Path) -> None:
    data = double_carton.read_bytes()
    path = tmp_path / "cut.carton"
    path.write_bytes(data[: int(len(data) * kept)])
    await refused(path, FormatError, r"cut\.carton is no carton", cache_dir)


async def test_a_zip_whose_beginning_is_missing(double_carton: Path, tmp_path: Path, cache_dir: Path) -> None:
    path = tmp_path / "tail.carton"
    path.write_bytes(double_carton.read_bytes()[100:])
    await refused(path, FormatError, r"tail\.carton", cache_dir)


async def test_nothing_at_the_path(tmp_path: Path, cache_dir: Path) -> None:
    await refused(tmp_path / "gone.carton", StorageError, r"gone\.carton does not exist$", cache_dir)


async def test_nothing_at_a_path_from_here(tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await refused(
        Path("gone.carton"), StorageError, rf"gone\.carton does not exist \(looked in {tmp_path}\)$", cache_dir
    )


async def test_a_link_to_nowhere_and_a_link_to_itself(tmp_path: Path, cache_dir: Path) -> None:
    for target, words in (("nowhere", "does not exist"), ("link", "Too many levels of symbolic links")):
        link = tmp_path / "link"
        link.symlink_to(target)
        await refused(link, StorageError, words, cache_dir)
        link.unlink()


async def test_a_folder_that_is_no_carton(tmp_path: Path, cache_dir: Path) -> None:
    await refused(tmp_path, FormatError, "is no carton: it has no MANIFEST", cache_dir)


async def test_a_folder_of_code_is_said_to_be_one_and_is_not_searched(tmp_path: Path, cache_dir: Path) -> None:
    (tmp_path / "main.py").touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "link").symlink_to(tmp_path)  # which a search would refuse
    await refused(tmp_path, FormatError, "it has no MANIFEST; .* not packed, so use load_unpacked", cache_dir)


@pytest.mark.parametrize("location", ["~nobody-of-that-name/model.carton", "http://[1/model.carton"])
async def test_texts_that_no_path_or_url_can_be(location: str, cache_dir: Path) -> None:
    await refused(location, StorageError, "cannot be read: ", cache_dir)


@pytest.mark.parametrize("location", ["", "a\0b", b"model.carton", None, 5, ["model.carton"]], ids=repr)
async def test_what_is_no_place(location: Any, cache_dir: Path) -> None:
    await refused(location, StorageError, "is no place for a model; give a path or URL", cache_dir)


async def test_a_name_that_is_too_long(cache_dir: Path) -> None:
    await refused(Path("x" * 300), StorageError, "cannot be read: File name too long", cache_dir)


async def test_a_file_below_a_file(double_carton: Path, cache_dir: Path) -> None:
    await refused(double_carton / "below", StorageError, "cannot be read: Not a directory", cache_dir)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter any folder; run as another user")
@pytest.mark.parametrize("mode", [0, 0o400])
async def test_a_folder_that_may_not_be_entered(tmp_path: Path, cache_dir: Path, mode: int) -> None:
    (tmp_path / "closed").mkdir(mode=mode)
    for path in (tmp_path / "closed", tmp_path / "closed" / "model.carton"):
        with pytest.raises((StorageError, FormatError), match=r"cannot be read: Permission denied|has no MANIFEST"):
            await carton.load(path)


async def test_a_folder_of_a_carton_that_cannot_be_listed(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "MANIFEST").touch()
    (tmp_path / "closed").mkdir()
    scandir = os.scandir

    def guarded(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    await refused(tmp_path, StorageError, "closed cannot be read: Permission denied", cache_dir)


async def test_a_file_url_of_this_machine_and_of_another(double_carton: Path, cache_dir: Path) -> None:
    assert (await carton.get_model_info(f"file://localhost{double_carton}")).runner.runner_name == "python"
    with pytest.raises(StorageError, match="is on another machine, elsewhere; copy the carton"):
        await carton.load(f"file://elsewhere{double_carton}")


async def test_a_url_of_a_kind_that_nothing_here_reads(cache_dir: Path) -> None:
    with pytest.raises(StorageError, match="nothing here knows gopher:// URLs; download the carton and give its path"):
        await carton.load("gopher://example.org/model.carton")


async def test_a_missing_manifest(changed: Changed, cache_dir: Path) -> None:
    await refused(changed({"MANIFEST": None}), FormatError, "it has no MANIFEST", cache_dir)


async def test_a_missing_carton_toml(changed: Changed, cache_dir: Path) -> None:
    await refused(changed({"carton.toml": None}), FormatError, "has no file 'carton.toml'", cache_dir)


def toml_with(replaced: str, by: str, carton_path: Path) -> dict[str, bytes]:
    text = files_of(carton_path)["carton.toml"].decode()
    assert replaced in text, text
    return {"carton.toml": text.replace(replaced, by).encode()}


@pytest.mark.parametrize(
    ("replaced", "by", "where", "words"),
    [
        ("spec_version = 1", "spec_version = ", "carton.toml", "is not TOML"),
        ("spec_version = 1\n", "", "carton.toml: spec_version", "is missing"),
        ("spec_version = 1", "spec_version = 2", "carton.toml: spec_version", "is 2; this release reads version 1"),
        ("spec_version = 1", "spec_version = '1'", "carton.toml: spec_version", "must be a whole number, not a string"),
        ("[runner]", "[other]", "carton.toml: runner", "is missing"),
        ('runner_name = "python"', "runner_name = 5", "carton.toml: runner.runner_name", "must be a string, not a"),
        ("runner_compat_version = 1\n", "", "carton.toml: runner.runner_compat_version", "is missing"),
        ("spec_version = 1", "spec_version = 1\nmodel_name = 5", "carton.toml: model_name", "must be a string"),
        ("spec_version = 1", "spec_version = 1\nrequired_platforms = ['vax']", "required_platforms[0]", "architecture"),
        ("spec_version = 1", "spec_version = 1\ninput = 5", "carton.toml: input", "must be a list"),
        (
            "spec_version = 1",
            "spec_version = 1\n[[input]]\nname = 'x'\ndtype = 'float16'\nshape = []",
            "carton.toml: input[0].dtype",
            "is 'float16'; it must be one of float32",
        ),
        (
            "spec_version = 1",
            "spec_version = 1\n[[input]]\nname = 'x'\ndtype = 'int8'\nshape = [2, -1]",
            "carton.toml: input[0].shape[1]",
            "must be a whole number that is not negative",
        ),
        (
            "spec_version = 1",
            "spec_version = 1\n[[self_test]]\n[self_test.inputs]\nx = '@tensor_data/gone'",
            "carton.toml: self_test[0].inputs.x",
            "names the tensor 'gone', which tensor_data/index.toml does not offer",
        ),
        (
            "spec_version = 1",
            "spec_version = 1\n[[self_test]]\n[self_test.inputs]\nx = '@misc/a.png'",
            "carton.toml: self_test[0].inputs.x",
            "it must be '@tensor_data/' and a tensor's name",
        ),
        (
            "spec_version = 1",
            "spec_version = 1\n[[example]]\n[example.inputs]\nx = '@misc/../secret'",
            "carton.toml: example[0].inputs.x",
            "is not normalised",
        ),
    ],
)
async def test_a_malformed_carton_toml_is_refused_by_its_key(
    changed: Changed, double_carton: Path, cache_dir: Path, replaced: str, by: str, where: str, words: str
) -> None:
    path = changed(toml_with(replaced, by, double_carton))
    error = await refused(path, FormatError, "carton.toml", cache_dir)
    assert where in error.where
    assert words in str(error)


async def test_the_line_of_a_malformed_carton_toml_is_told(
    changed: Changed, double_carton: Path, cache_dir: Path
) -> None:
    path = changed(toml_with("spec_version = 1", "# a line\n\nspec_version = 2", double_carton))
    error = await refused(path, FormatError, r"carton.toml: spec_version \(line 3\): is 2", cache_dir)
    assert error.line == 3


async def test_a_version_range_that_cargo_would_not_parse(
    changed: Changed, double_carton: Path, cache_dir: Path
) -> None:
    (line,) = [
        line
        for line in files_of(double_carton)["carton.toml"].decode().splitlines()
        if line.startswith("required_framework_version")
    ]
    path = changed(toml_with(line, 'required_framework_version = ">=3 || <2"', double_carton))
    error = await refused(path, VersionReqError, "is not a Cargo version requirement", cache_dir)
    assert error.where == "carton.toml: runner.required_framework_version"


@pytest.mark.parametrize(
    ("manifest", "error", "words"),
    [
        (b"no equals sign\n", FormatError, r"MANIFEST \(line 1\): 'no equals sign' is not 'path=sha256'"),
        (b"a=123\n", FormatError, r"MANIFEST \(line 1\): the hash of 'a' is not 64 hex digits"),
        (b"../a=" + b"0" * 64, FormatError, r"MANIFEST \(line 1\): the path '../a' is not normalised"),
        (b"\xff=" + b"0" * 64, FormatError, r"MANIFEST \(line 1\): is not UTF-8"),
        (b"", FormatError, r"holds 'carton.toml', which its MANIFEST does not list"),
    ],
)
async def test_a_manifest_that_is_none(
    changed: Changed, cache_dir: Path, manifest: bytes, error: type[carton.CartonError], words: str
) -> None:
    await refused(changed({"MANIFEST": manifest}), error, words, cache_dir)


async def test_a_file_that_the_manifest_lists_and_the_carton_lacks(
    changed: Changed, double_carton: Path, cache_dir: Path
) -> None:
    path = changed({"model/main.py": None}, honest=False)
    await refused(path, FormatError, "lists 'model/main.py', which it neither holds nor links to", cache_dir)


async def test_a_file_that_the_carton_holds_and_the_manifest_does_not_list(changed: Changed, cache_dir: Path) -> None:
    path = changed({"model/extra.py": b"evil"}, honest=False)
    await refused(path, FormatError, "holds 'model/extra.py', which its MANIFEST does not list", cache_dir)


async def test_a_carton_toml_with_another_hash(changed: Changed, double_carton: Path, cache_dir: Path) -> None:
    path = changed(toml_with("spec_version = 1", "spec_version = 1 # changed", double_carton), honest=False)
    await refused(path, IntegrityError, r"carton\.toml of .* has sha256 \w+, the MANIFEST promises", cache_dir)


async def test_a_model_file_with_another_hash_is_never_run(changed: Changed, cache_dir: Path, tmp_path: Path) -> None:
    path = changed({"model/main.py": f"open({str(tmp_path / 'was-run')!r}, 'w')".encode()}, honest=False)
    with pytest.raises(IntegrityError, match=r"model/main\.py of .*changed\.carton has sha256"):
        await carton.load(path)
    assert not (tmp_path / "was-run").exists()
    assert not list(cache_dir.rglob("main.py"))
    assert not list(cache_dir.rglob(".tmp-*"))
    assert (await carton.get_model_info(path)).runner.runner_name == "python", "what describes it is whole"


async def test_a_misc_file_with_another_hash_is_not_given_away(packed: Callable[..., Path], changed: Changed) -> None:
    whole = packed(misc_files={"a.png": b"right", "b.png": b"untouched"})
    info = await carton.get_model_info(changed({"misc/a.png": b"wrong"}, of=whole, honest=False))
    with pytest.raises(IntegrityError, match=r"misc/a\.png of .* has sha256"):
        await info.misc_files["a.png"].read()
    with pytest.raises(IntegrityError, match=r"misc/a\.png"):
        await info.misc_files["a.png"].read(1)
    assert await info.misc_files["b.png"].read() == b"untouched"


async def test_a_misc_file_that_an_example_names_and_nobody_has(packed: Callable[..., Path], changed: Changed) -> None:
    specs = {"inputs": [carton.TensorSpec("x", "int8", [])], "outputs": [carton.TensorSpec("y", "int8", [])]}
    whole = packed(**specs, examples=[carton.Example({"x": b"picture"}, {})])
    info = await carton.get_model_info(changed({"misc/_example_misc_file_0": None}, of=whole))
    with pytest.raises(FormatError, match="has no file 'misc/_example_misc_file_0'"):
        await info.examples[0].inputs["x"].read()


async def test_a_stored_tensor_that_its_index_does_not_fit(packed: Callable[..., Path], changed: Changed) -> None:
    specs = {"inputs": [carton.TensorSpec("x", "int8", [])], "outputs": [carton.TensorSpec("y", "int8", [])]}
    whole = packed(**specs, self_tests=[carton.SelfTest({"x": 1})])
    info = await carton.get_model_info(changed({"tensor_data/tensor_0.bin": b"123"}, of=whole))
    with pytest.raises(FormatError, match=r"tensor_data/tensor_0.bin: has 3 bytes; a tensor of dtype int64"):
        await info.self_tests[0].inputs["x"].get()


async def test_a_path_that_leaves_the_carton(changed: Changed, cache_dir: Path) -> None:
    await refused(changed({"model/../../evil": b""}), FormatError, "is not normalised", cache_dir)


async def test_a_model_file_that_is_only_linked_to_and_cannot_be_had(
    double_carton: Path, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTON_OFFLINE", "1")
    files = files_of(double_carton)
    manifest = manifest_of(files)
    sha256 = manifest.split(b"model/main.py=")[1][:64].decode()
    files |= {"MANIFEST": manifest, "LINKS": f'version = 1\n[urls]\n{sha256} = ["https://example.org/a"]\n'.encode()}
    del files["model/main.py"]
    path = write_zip(tmp_path / "linked.carton", files)
    assert (await carton.get_model_info(path)).runner.runner_name == "python"
    with pytest.raises(carton.StorageError, match=r"model/main\.py of .* is not in the carton, and cannot be fetched"):
        await carton.load(path)
    assert not list(cache_dir.rglob("main.py"))


async def test_a_carton_for_another_machine(packed: Callable[..., Path], cache_dir: Path) -> None:
    path = packed(required_platforms=["aarch64-apple-darwin"])
    with pytest.raises(carton.RunnerNotFoundError, match="supports aarch64-apple-darwin; this machine is"):
        await carton.load(path)
    assert not list(cache_dir.glob("models/*"))


async def test_a_runner_that_nobody_has(changed: Changed, double_carton: Path, cache_dir: Path) -> None:
    path = changed(toml_with('runner_name = "python"', 'runner_name = "torchscript"', double_carton))
    with pytest.raises(carton.RunnerNotFoundError, match="no runner 'torchscript' for version") as caught:
        await carton.load(path)
    message = str(caught.value)
    assert "there is:" in message
    assert "- python (" in message
    assert "- noop (" in message
    assert "CARTON_RUNNER_DIR" in message
    assert not list(cache_dir.glob("models/*"))


async def test_a_python_that_nobody_has(
    changed: Changed, double_carton: Path, monkeypatch: pytest.MonkeyPatch, cache_dir: Path
) -> None:
    monkeypatch.setenv("CARTON_PYTHON_DOWNLOADS", "0")
    with pytest.raises(carton.InterpreterNotFoundError, match=r"3\.8\.999") as caught:
        await carton.load(double_carton, override_required_framework_version="=3.8.999")
    message = str(caught.value)
    for remedy in ("uv python install", "UV_PYTHON_INSTALL_MIRROR", "CARTON_INTERPRETERS"):
        assert remedy in message
    assert not list(cache_dir.glob("models/*"))


async def test_a_carton_whose_folder_is_removed_while_it_is_known(packed: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "moved.carton"
    shutil.copy(packed(misc_files={"a.png": b"right"}), path)
    info = await carton.get_model_info(path)
    path.unlink()
    with pytest.raises(StorageError, match=r"moved\.carton cannot be read: No such file or directory"):
        await info.misc_files["a.png"].read()


async def test_a_carton_that_is_replaced_while_it_is_known(packed: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "replaced.carton"
    shutil.copy(packed(misc_files={"a.png": b"right"}), path)
    info = await carton.get_model_info(path)
    shutil.copy(packed(misc_files={"a.png": b"other"}, model_name="other"), path)
    with pytest.raises(StorageError, match=r"replaced\.carton changed while it was read; start again"):
        await info.misc_files["a.png"].read()
